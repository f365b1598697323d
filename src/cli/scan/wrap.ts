import { cut, widthOf } from '../table.js'

/** Words on as many lines as they need, none wider than the width, all but the first after an indent. */
export function wrap(text: string, width: number | undefined, indent = ''): string {
  if (width === undefined) return text
  const [start = ''] = /^ */.exec(text) ?? []
  const lines: string[] = []
  let line = start
  for (const word of text.slice(start.length).split(' ')) {
    const next = line.trim() === '' ? `${line}${word}` : `${line} ${word}`
    if (widthOf(next) <= width || line.trim() === '') line = next
    else {
      lines.push(line)
      line = `${indent}${word}`
    }
  }
  return [...lines, line].map((one) => cut(one, width)).join('\n')
}
