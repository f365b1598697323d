import { isoTime } from '../../core/clock.js'
import { joined, type Line, lines, text } from '../details.js'
import type { Shell } from '../shell.js'
import { type Cell, type Colour, paint, table } from '../table.js'
import type { RemoteEntry } from './entry.js'

type Paper = Pick<Shell, 'columns' | 'colours'>

const statusColour: Readonly<Record<RemoteEntry['status'], Colour>> = {
  healthy: 'green',
  degraded: 'yellow',
  unhealthy: 'red',
}

interface Column {
  readonly head: string
  cell(entry: RemoteEntry): Cell
  /** Shown only when it says something of somebody. */
  isNeeded?(entry: RemoteEntry): boolean
}

/** What a registry says of an entry that has no type, or is in no namespace of its own. */
const isTyped = ({ agentType = 'unspecified' }: RemoteEntry): boolean => agentType !== 'unspecified'
const isSpaced = ({ namespace = 'default' }: RemoteEntry): boolean => namespace !== 'default'

const columns: readonly Column[] = [
  { head: 'ID', cell: ({ id }) => ({ text: id }) },
  { head: 'SERVICE', cell: ({ service }) => ({ text: service }) },
  { head: 'VERSION', cell: ({ version }) => ({ text: version }) },
  { head: 'STATUS', cell: ({ status }) => ({ text: status, colour: statusColour[status] }) },
  { head: 'MODE', cell: ({ mode }) => ({ text: mode }) },
  {
    head: 'TYPE',
    cell: (entry) => ({ text: isTyped(entry) ? (entry.agentType ?? '') : '' }),
    isNeeded: isTyped,
  },
  {
    head: 'NAMESPACE',
    cell: ({ namespace = '' }) => ({ text: namespace }),
    isNeeded: isSpaced,
  },
  { head: 'CAPABILITIES', cell: ({ capabilities }) => ({ text: capabilities.join(', ') }) },
  { head: 'LOCATION', cell: ({ location }) => ({ text: location }) },
]

export function entryTable(
  entries: readonly RemoteEntry[],
  { columns: width, colours }: Paper,
): string {
  const shown = columns.filter(({ isNeeded }) => isNeeded === undefined || entries.some(isNeeded))
  return table(
    shown.map(({ head }) => head),
    entries.map((entry) => shown.map(({ cell }) => cell(entry))),
    { width, colours },
  )
}

/** Everything about one. */
export function entryText(entry: RemoteEntry, shell: Shell): string {
  const { telemetry, failedChecks = 0 } = entry
  const all: readonly Line[] = [
    ['name', text(entry.name === entry.id ? undefined : entry.name)],
    ['service', text(entry.service)],
    ['version', text(entry.version)],
    ['status', paint(entry.status, statusColour[entry.status], shell.colours)],
    ['mode', text(entry.mode)],
    ['type', isTyped(entry) ? text(entry.agentType) : undefined],
    ['namespace', isSpaced(entry) ? text(entry.namespace) : undefined],
    ['cluster', entry.cluster === 'local' ? undefined : text(entry.cluster)],
    ['location', text(entry.location)],
    ['capabilities', joined(entry.capabilities)],
    ['success rate', telemetry && `${telemetry.successRate}`],
    ['executions', telemetry && `${telemetry.totalExecutions}, ${telemetry.avgDurationMs} ms each`],
    ['failed checks', failedChecks === 0 ? undefined : `${failedChecks} in a row`],
    ...Object.entries(entry.metadata).map(
      ([key, value]): Line => [
        `metadata ${key}`,
        text(typeof value === 'string' ? value : JSON.stringify(value)),
      ],
    ),
    ['registered', timeText(entry.registeredAt)],
    ['last seen', timeText(entry.lastSeenAt)],
  ]
  return lines(entry.id, all, shell)
}

export const timeText = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : isoTime(at)
