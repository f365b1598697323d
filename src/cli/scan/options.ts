import type { BackendOptions, DiscoverOptions } from '../../discovery/scan/options.js'
import { usage } from '../failure.js'
import type { Flags, Input } from '../flags.js'
import type { Shell } from '../shell.js'
import { addressOf } from './address.js'
import { duration } from './duration.js'
import { keyFrom } from './key.js'
import { knownKind } from './kinds.js'
import { policyFor } from './policy.js'

/** Where and for what to look. */
export const scanFlags: Flags = {
  port: { value: 'KIND=PORT,...', about: 'more ports of a kind, such as comfyui=8189,8190' },
  host: {
    value: '[KIND=]HOST',
    about: 'instead of this machine; with KIND, besides it',
  },
  address: {
    value: '[KIND=]URL',
    about: 'look there too, such as https://gpu-1:8443; with KIND, it is said to be that',
  },
  range: { value: 'FIRST-LAST', about: 'ports where all is looked for, else 8000-8200' },
  'no-range': { about: 'only the usual ports, and those of --port' },
  only: { value: 'KIND,...', about: 'look for these kinds only' },
  'key-env': { value: 'KIND=NAME', about: 'the environment variable with the key of a kind' },
  timeout: { value: 'TIME', about: 'for each address, such as 500ms or 2s, the default' },
}

export interface ScanOptions {
  readonly options: DiscoverOptions
  /** What was written on the command line, by the field of the options that it became. */
  readonly written: ReadonlyMap<string, string>
}

type Draft = { -readonly [K in 'ports' | 'hosts' | 'addresses' | 'key']: BackendOptions[K] }

/** Fails with exit code 2 on what has not the right form, or names no kind. Values are for the scan to judge. */
export function scanOptions(input: Input, shell: Pick<Shell, 'env'>): ScanOptions {
  const written = new Map<string, string>()
  const backends = new Map<string, Draft>()
  const of = (kind: string): Draft => {
    const draft = backends.get(kind) ?? { ports: [], hosts: [], addresses: [], key: undefined }
    backends.set(kind, draft)
    return draft
  }
  for (const text of input.all('port')) readPorts(text, of, written)
  const hosts: string[] = []
  for (const text of input.all('host')) readHost(text, hosts, of, written)
  const addresses: string[] = []
  for (const text of input.all('address')) readAddress(text, addresses, of, written)
  for (const text of input.all('key-env')) {
    const [kind, name] = pair(text, '--key-env', 'KIND=NAME, such as litellm=LITELLM_KEY')
    of(knownKind(kind, '--key-env')).key = keyFrom(name, '--key-env', shell)
    written.set(`backends.${kind}.key`, `--key-env ${kind}=${name}`)
  }
  const timeoutMs = duration(input.text('timeout') ?? '2s', '--timeout', 10, 60_000)
  const drafts = [...backends.values()]
  const urls = [...addresses, ...drafts.flatMap((draft) => draft.addresses ?? [])]
  const named = [
    ...hosts,
    ...drafts.flatMap((draft) => draft.hosts ?? []),
    ...urls.map((url) => new URL(url).hostname),
  ]
  const options: DiscoverOptions = {
    ...(hosts.length > 0 && { hosts }),
    ...(addresses.length > 0 && { addresses }),
    backends: Object.fromEntries(backends),
    ...rangeOf(input, written),
    ...(input.has('only') && { only: kindsOf(input.all('only')) }),
    timeoutMs,
    // Opening a connection and being asked may each take as long, and half a second is for the work itself.
    deadlineMs: Math.max(4_500, 2 * timeoutMs + 500),
    policy: policyFor(named),
  }
  return { options, written }
}

function readPorts(text: string, of: (kind: string) => Draft, written: Map<string, string>): void {
  const [name, list] = pair(text, '--port', 'KIND=PORT, such as comfyui=8189')
  const kind = knownKind(name, '--port')
  const draft = of(kind)
  for (const port of list.split(',')) {
    written.set(`backends.${kind}.ports[${draft.ports?.length ?? 0}]`, `--port ${kind}=${port}`)
    draft.ports = [...(draft.ports ?? []), numberOf(port)]
  }
}

/** Its form is judged here: it may hold a password, which nothing repeats. */
function readAddress(
  text: string,
  addresses: string[],
  of: (kind: string) => Draft,
  written: Map<string, string>,
): void {
  const [, name, own] = /^([^=:/]*)=(.*)$/s.exec(text) ?? []
  const { origin } = addressOf(own ?? text, '--address: ')
  if (name === undefined) {
    written.set(`addresses[${addresses.length}]`, `--address ${origin}`)
    addresses.push(origin)
    return
  }
  const kind = knownKind(name, '--address')
  const draft = of(kind)
  const field = `backends.${kind}.addresses[${draft.addresses?.length ?? 0}]`
  written.set(field, `--address ${kind}=${origin}`)
  draft.addresses = [...(draft.addresses ?? []), origin]
}

function readHost(
  text: string,
  hosts: string[],
  of: (kind: string) => Draft,
  written: Map<string, string>,
): void {
  const [, name, own] = /^([^=:/]*)=(.*)$/s.exec(text) ?? []
  const host = own ?? text
  written.set(`host ${host.toLowerCase()}`, `--host ${text}`)
  if (name === undefined) {
    written.set(`hosts[${hosts.length}]`, `--host ${text}`)
    hosts.push(host)
    return
  }
  const kind = knownKind(name, '--host')
  const draft = of(kind)
  written.set(`backends.${kind}.hosts[${draft.hosts?.length ?? 0}]`, `--host ${text}`)
  draft.hosts = [...(draft.hosts ?? []), host]
}

function rangeOf(input: Input, written: Map<string, string>): Pick<DiscoverOptions, 'range'> {
  const text = input.text('range')
  if (text === undefined) return input.has('no-range') ? { range: false } : {}
  if (input.has('no-range'))
    throw usage('--range and --no-range say the opposite; give one of them')
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? []
  if (first === undefined || last === undefined)
    throw usage(`--range is FIRST-LAST, such as 8000-8200; got '${text}'`)
  for (const field of ['range', 'range[0]', 'range[1]']) written.set(field, `--range ${text}`)
  return { range: [Number(first), Number(last)] }
}

const kindsOf = (lists: readonly string[]): readonly string[] =>
  lists.flatMap((list) => list.split(',').map((kind) => knownKind(kind.trim(), '--only')))

function pair(text: string, flag: string, form: string): readonly [string, string] {
  const at = text.indexOf('=')
  // Not repeated: it may be a key that was given by mistake.
  if (at < 1 || at === text.length - 1) throw usage(`${flag} needs ${form}`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** Only whole numbers as people write them: not `0x50`, not an empty text. */
const numberOf = (text: string): number => (/^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN)
