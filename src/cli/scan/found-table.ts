import type { Found } from '../../discovery/scan/report.js'
import type { Shell } from '../shell.js'
import { type Cell, paint, table, widthOf } from '../table.js'
import {
  capabilitiesOf,
  evidenceOf,
  fitting,
  healthOf,
  modelsOf,
  placeOf,
  short,
  some,
  titleOf,
} from './found-words.js'
import { wrap } from './wrap.js'

type Paper = Pick<Shell, 'columns' | 'colours'>

const head = ['WHAT', 'WHERE', 'VERSION', 'HEALTH']
const wideHead = [...head, 'CAPABILITIES', 'MODELS', 'KNOWN BY']
/** Models that are named where each back end has one line. */
const mostNamed = 3

/** What was found: on one line each where that fits, else with what it has below it. */
export function foundTable(found: readonly Found[], { columns, colours }: Paper): string {
  const rows = found.map((one): Cell[] => [
    ...cells(one),
    { text: some(capabilitiesOf(one), Number.POSITIVE_INFINITY) },
    { text: some(modelsOf(one), mostNamed) },
    { text: evidenceOf(one) },
  ])
  const plain = table(wideHead, rows, { width: undefined, colours: false })
  const widest = Math.max(...plain.split('\n').map(widthOf))
  if (columns === undefined || widest <= columns)
    return table(wideHead, rows, { width: undefined, colours })
  return narrow(found, columns, colours)
}

/** The beginning of a row: what, where, version, health. */
export const cells = (found: Found): Cell[] => [
  { text: titleOf(found), colour: 'bold' },
  { text: placeOf(found) },
  { text: short(found.version ?? '') },
  healthOf(found),
]

function narrow(found: readonly Found[], width: number, colours: boolean): string {
  const [top = '', ...lines] = table(head, found.map(cells), { width, colours }).split('\n')
  const entries = found.map((one, at) => `${lines[at] ?? ''}\n${below(one, width, colours)}`)
  return `${top}\n${entries.join('')}`
}

const indent = ' '.repeat(12)

function below(found: Found, width: number, colours: boolean): string {
  const room = Math.max(8, width - indent.length)
  const lines: readonly (readonly [string, string])[] = [
    ['can', fitting(capabilitiesOf(found), room)],
    ['models', fitting(modelsOf(found), room)],
    ['known by', wrap(evidenceOf(found), room).replaceAll('\n', `\n${indent}`)],
  ]
  return lines
    .filter(([, text]) => text !== '')
    .map(([label, text]) => `  ${paint(label.padEnd(10), 'dim', colours)}${text}\n`)
    .join('')
}
