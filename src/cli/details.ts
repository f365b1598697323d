import { clean } from './clean.js'
import type { Shell } from './shell.js'
import { paint } from './table.js'

/** A label and what stands beside it; nothing of it when that is `undefined` or empty. */
export type Line = readonly [label: string, value: string | undefined]

/** A title and indented lines below it. */
export function lines(title: string, all: readonly Line[], shell: Shell): string {
  const shown = all.flatMap(([label, value]) =>
    value === undefined || value === '' ? [] : [[clean(label), value] as const],
  )
  const width = Math.max(0, ...shown.map(([label]) => label.length))
  const text = shown.map(([label, value]) => `  ${label.padEnd(width)}  ${value}\n`).join('')
  return `${paint(clean(title), 'bold', shell.colours)}\n${text}`
}

export const joined = (list: readonly string[] | undefined): string | undefined =>
  list && clean(list.join(', '))
export const text = (value: string | number | undefined): string | undefined =>
  value === undefined ? undefined : clean(String(value))
