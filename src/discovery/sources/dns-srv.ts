import type { SrvRecord } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { isIP, isIPv6 } from 'node:net'
import { defaultAddressPolicy } from '../../core/address.js'
import { pause, systemClock } from '../../core/clock.js'
import type { Source, View } from '../source.js'
import {
  type LookUpOptions,
  listOf,
  positiveIssue,
  refuseIssues,
  textsOf,
  toSightings,
  unique,
} from './look-up.js'
import { quietly } from './quietly.js'

export interface DnsSrvOptions extends LookUpOptions {
  /** What the records are providers of. */
  readonly service: string
  /** DNS servers, such as `127.0.0.1:8600`. Default: those of the operating system. */
  readonly servers?: readonly string[] | undefined
  /** How often they are asked: Node does not tell how long an answer may be kept. Default 30,000. */
  readonly everyMs?: number | undefined
  /** For one try of two. Default 2,000. */
  readonly timeoutMs?: number | undefined
  /** Whether the TXT records of the name are read. Default true. */
  readonly txt?: boolean | undefined
}

/**
 * Providers from the SRV records of a name, such as `_comfyui._tcp.example.com`, and what its TXT
 * records say of all of them. Targets stay names: whoever connects resolves them.
 *
 * Throws `InvalidOptionsError`. Source: RFC 2782, RFC 6763 section 6.
 */
export function dnsSrv(name: string, options: DnsSrvOptions): Source {
  const { everyMs = 30_000, timeoutMs = 2_000, servers = [], clock = systemClock } = options
  refuseIssues('dnsSrv', [
    isDnsName(name)
      ? undefined
      : { field: 'name', message: 'expected a DNS name, such as _comfyui._tcp.example.com' },
    typeof options.service === 'string' && options.service.trim() !== ''
      ? undefined
      : { field: 'service', message: 'expected the service that the records are providers of' },
    positiveIssue('everyMs', everyMs),
    positiveIssue('timeoutMs', timeoutMs),
    ...servers.map((server, at) =>
      serverOf(server) === undefined
        ? { field: `servers[${at}]`, message: 'expected an IP address, such as 127.0.0.1:8600' }
        : undefined,
    ),
  ])
  async function* watch(signal: AbortSignal): AsyncGenerator<View> {
    while (!signal.aborted) {
      yield await look(name, options, signal)
      await pause(clock, everyMs, signal)
    }
  }
  return { name: options.name ?? `dns:${name}`, watch: (signal) => quietly(signal, watch(signal)) }
}

async function look(name: string, options: DnsSrvOptions, signal: AbortSignal): Promise<View> {
  const resolver = await resolverFor(options)
  const cancel = (): void => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    signal.throwIfAborted()
    const records = await answered(name, 'SRV', () => resolver.resolveSrv(name))
    // RFC 2782: the root as the only target means that the service is decidedly not there.
    if (records.length === 1 && records[0]?.name === '')
      return { sightings: [], authoritative: true }
    const isTold = records.length > 0 && options.txt !== false
    const texts = isTold ? await answered(name, 'TXT', () => resolver.resolveTxt(name)) : []
    return toView(records, attributesOf(texts.flat()), options)
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/**
 * No such name, and no such record, are answers: an empty list. They are also what a wrong server or a
 * network without its VPN says, so the source does not vouch for them. Everything else is a failure.
 */
async function answered<T>(name: string, type: string, ask: () => Promise<T[]>): Promise<T[]> {
  try {
    return await ask()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no reason given'
    if (code === 'ENOTFOUND' || code === 'ENODATA') return []
    const why = failures.get(code) ?? 'failed'
    throw new Error(`The ${type} records of ${name}: the look-up ${why} (${code})`, { cause })
  }
}

const failures: ReadonlyMap<string, string> = new Map([
  ['ETIMEOUT', 'was not answered in time; check that a DNS server can be reached'],
  ['ESERVFAIL', 'failed at the DNS server; it may know again later'],
  ['EREFUSED', 'was refused by the DNS server; ask one that is responsible for the name'],
  ['ECONNREFUSED', 'reached no DNS server; check that it runs there'],
])

function toView(
  records: readonly SrvRecord[],
  attributes: Readonly<Record<string, string>>,
  options: DnsSrvOptions,
): View {
  const { capabilities, version, ...metadata } = attributes
  const sightings = [...records].sort(byPreference).flatMap(({ name, port, priority, weight }) =>
    toSightings(
      {
        service: options.service,
        host: name,
        port,
        group: Math.min((options.group ?? 0) + priority, highestGroup),
        weight,
        capabilities: listOf(capabilities),
        version,
        metadata,
      },
      options,
    ),
  )
  return unique(sightings)
}

const highestGroup = 32_767

/** Servers shuffle their records; ours are registered in one order. */
const byPreference = (one: SrvRecord, other: SrvRecord): number =>
  one.priority - other.priority ||
  other.weight - one.weight ||
  Number(one.name > other.name) - Number(one.name < other.name) ||
  one.port - other.port

/** RFC 6763: `key=value`, keys in any case; the first of a key counts, and no text without a key. */
function attributesOf(texts: readonly string[]): Readonly<Record<string, string>> {
  const attributes = new Map<string, string>()
  for (const text of texts) {
    const at = text.indexOf('=')
    const key = (at < 0 ? text : text.slice(0, at)).toLowerCase()
    if (!attributes.has(key)) attributes.set(key, at < 0 ? '' : text.slice(at + 1))
  }
  return textsOf(Object.fromEntries(attributes))
}

async function resolverFor(options: DnsSrvOptions): Promise<Resolver> {
  const { servers = [], policy = defaultAddressPolicy, timeoutMs = 2_000 } = options
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  const places = servers.flatMap((server) => serverOf(server) ?? [])
  for (const place of places) await policy.check(place)
  if (places.length > 0) resolver.setServers(places.map(({ text }) => text))
  return resolver
}

interface Server {
  readonly host: string
  readonly port: number
  readonly text: string
}

/** Checked here: Node wraps a port of 99999 round to another. */
function serverOf(server: unknown): Server | undefined {
  const given = typeof server === 'string' ? server : ''
  const text = isIPv6(given) ? `[${given}]` : given
  const [, six, four, digits = '53'] = /^(?:\[(.+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = six ?? four ?? ''
  const port = Number(digits)
  if (isIP(host) === 0 || port < 1 || port > 65_535) return undefined
  return { host, port, text: `${six === undefined ? host : `[${host}]`}:${port}` }
}

const isDnsName = (name: unknown): boolean =>
  typeof name === 'string' &&
  name.length <= 254 &&
  /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?$/i.test(name)
