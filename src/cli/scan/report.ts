import type { Found, Missing, ScanReport, Unknown } from '../../discovery/scan/report.js'
import { clean } from '../clean.js'
import type { Shell } from '../shell.js'
import { paint } from '../table.js'
import { counted } from '../words.js'
import { foundTable } from './found-table.js'
import { placeOf, titleOf } from './found-words.js'
import { seconds } from './progress.js'
import { wrap } from './wrap.js'

type Paper = Pick<Shell, 'columns' | 'colours'>

/** Of what listens and is unknown, unless all is asked for. */
const mostUnknown = 10

/** Says what a scan found, and beside it how that went. `explain` is `undefined` where it cannot be asked for. */
export function tell(
  report: ScanReport,
  written: ReadonlyMap<string, string>,
  explain: boolean | undefined,
  shell: Pick<Shell, 'columns' | 'colours' | 'out' | 'err'>,
): void {
  const text = reportText(report, written, explain === true, shell)
  const gap = text !== '' && shell.columns !== undefined ? '\n' : '' // a terminal shows both
  shell.out(text)
  shell.err(`${gap}${remarks(report, written, explain, shell.columns)}`)
}

/** What a scan has to say, as the answer; empty when it found nothing at all. */
function reportText(
  report: ScanReport,
  written: ReadonlyMap<string, string>,
  explain: boolean,
  paper: Paper,
): string {
  const { found, missing, unknown } = report
  const locked = found.filter(({ needsCredentials }) => needsCredentials)
  const keyless = locked.filter(({ kind }) => !written.has(keyField(kind)))
  const refused = locked.filter(({ kind }) => written.has(keyField(kind)))
  const sections = [
    found.length > 0 ? foundTable(found, paper) : '',
    lockedText(
      'Found, needs credentials. Put the key into the environment and name it:',
      keyless,
      paper,
      keyFlag,
    ),
    lockedText(
      'Found, and does not accept its key. Check that the key is of this program, and still holds:',
      refused,
      paper,
      ({ kind }) => written.get(keyField(kind)) ?? '',
    ),
    unknown.length > 0 ? unknownText(unknown, explain, paper) : '',
    ...(explain ? missing.map((one) => missingText(one, paper)) : []),
  ]
  return sections.filter((text) => text !== '').join('\n')
}

/** Apps of Gradio ask people to log in, and know no keys. */
const keyFlag = ({ kind, protocol }: Found): string =>
  protocol === 'gradio'
    ? 'has a login instead of a key; in a program give its cookie to connectGradio, as a header'
    : `--key-env ${kind}=${kind.replaceAll('-', '_').toUpperCase()}_KEY`

const keyField = (kind: string): string => `backends.${kind}.key`

function lockedText(
  what: string,
  locked: readonly Found[],
  { columns, colours }: Paper,
  flagOf: (found: Found) => string,
): string {
  if (locked.length === 0) return ''
  const lines = locked.map((found) =>
    wrap(`  ${titleOf(found)} at ${placeOf(found)}: ${clean(flagOf(found))}`, columns, '    '),
  )
  return `${paint(wrap(what, columns), 'bold', colours)}\n${lines.join('\n')}\n`
}

function unknownText(
  all: readonly Unknown[],
  explain: boolean,
  { columns, colours }: Paper,
): string {
  const named = explain ? all : all.slice(0, mostUnknown)
  const more = all.length - named.length
  const lines = [
    ...named.map(({ address, why }) => wrap(`  ${address} ${clean(why)}`, columns, '    ')),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ]
  return `${paint('Listening, and not recognised:', 'bold', colours)}\n${lines.join('\n')}\n`
}

/** Where one kind was looked for, why it was not there, and what to do. */
function missingText({ advice, kind, title, tried }: Missing, { columns, colours }: Paper): string {
  const lines = tried.map(({ address, why }) => wrap(`  ${address} ${clean(why)}`, columns, '    '))
  const nowhere =
    tried.length === 0 ? ['  looked for nowhere: it has no port in what was asked for'] : []
  const head = paint(`${title} (${kind}) was not found`, 'bold', colours)
  return [head, ...lines, ...nowhere, wrap(`  To do: ${advice}`, columns, '    '), ''].join('\n')
}

/** What is said beside the answer: how it went, what could not be used, and what to do now. */
function remarks(
  report: ScanReport,
  written: ReadonlyMap<string, string>,
  explain: boolean | undefined,
  columns: number | undefined,
): string {
  const { complete, elapsedMs, found, missing, ports, unknown } = report
  const what =
    found.length === 0 ? 'Nothing was found' : `Found ${counted(found.length, 'back end')}`
  const lines = [
    `${what} at ${counted(ports, 'port')} in ${seconds(elapsedMs)}.`,
    ...problemsOf(report, written),
    ...(complete
      ? []
      : ['Not everything answered before the time was over: --timeout gives it more.']),
    ...(found.length === 0 ? emptyHanded(report) : []),
    ...(unknown.length > 0 ? ['switchgear doctor URL says more about an address.'] : []),
    ...(explain !== false || missing.length === 0
      ? []
      : ['--explain says where each kind was looked for, why it was not there, and what to do.']),
  ]
  return `${lines.map((line) => wrap(line, columns, '  ')).join('\n')}\n`
}

/** What could not be used, as it was written on the command line. */
const problemsOf = (
  { problems }: ScanReport,
  written: ReadonlyMap<string, string>,
): readonly string[] =>
  problems.map(({ field, message }) => {
    const flag = written.get(field)
    return clean(flag === undefined ? `${field}: ${message}` : `${flag}: ${withoutValue(message)}`)
  })

/** The value stands in the flag already. */
const withoutValue = (message: string): string => message.replace(/, got [^,]*$/, '')

const emptyHanded = ({ missing, ports }: ScanReport): readonly string[] =>
  ports === 0
    ? [
        'No port was looked at. A host is a name or an IP address, as in --host gpu-1; a port is named with its kind, as in --port comfyui=8189. For one URL: switchgear doctor URL.',
      ]
    : [
        ...(missing.length > 0
          ? [`Looked for ${missing.map(({ title }) => title).join(', ')}.`]
          : []),
        'Start one of them. If it listens on another port: --port KIND=PORT; on another machine: --host HOST.',
        'MCP servers and A2A agents have no usual port: name it, as in --port mcp=3001.',
      ]
