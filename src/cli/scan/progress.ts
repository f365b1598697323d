import type { Progress } from '../../discovery/scan/report.js'
import type { Screen } from '../shell.js'
import { cut, table } from '../table.js'
import { counted } from '../words.js'
import { cells } from './found-table.js'

/** Addresses that are named while they are asked. */
const mostAsked = 3

/** How far a scan is and what it has found, as lines that fit. */
export function progressLines(
  { asking, done, found, total }: Progress,
  elapsedMs: number,
  { columns, rows }: Screen,
  colours: boolean,
): readonly string[] {
  const width = columns - 1 // in the last column, terminals disagree about what comes next
  const status = `Looking: ${done} of ${counted(total, 'port')}, ${total - done} left, ${seconds(elapsedMs)}`
  const asked = asking.length === 0 ? 'Asking nobody now' : `Asking ${namesOf(asking)}`
  const list =
    found.length === 0
      ? []
      : table(['FOUND', 'WHERE', 'VERSION', 'HEALTH'], found.map(cells), { width, colours })
          .trimEnd()
          .split('\n')
  const room = Math.max(2, rows - 4)
  const more = list.length - room
  return [
    cut(status, width),
    cut(asked, width),
    ...list.slice(0, room),
    ...(more > 0 ? [`and ${more} more`] : []),
  ]
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`

function namesOf(addresses: readonly string[]): string {
  const hosts = addresses.map((address) => address.replace(/^http:\/\//, ''))
  const more = hosts.length - mostAsked
  const named = hosts.slice(0, mostAsked).join(', ')
  return more > 0 ? `${named} and ${more} more` : named
}
