import { isIP } from 'node:net'
import type { Fingerprint } from './fingerprint.js'
import type { DiscoverOptions } from './options.js'
import type { Problem } from './report.js'

/** One port of one host. */
export interface Target {
  /** A name in lower case, or an IP address without brackets. */
  readonly host: string
  readonly port: number
  /** The kinds whose port it is, by default or by option. */
  readonly kinds: Set<string>
}

export interface Targets {
  /** Usual ports first, then those from the options, then the range; without those given by hand. */
  readonly targets: readonly Target[]
  /** Addresses given by hand, as origins, and the kind that is said to be there. */
  readonly origins: ReadonlyMap<string, string | undefined>
  readonly problems: readonly Problem[]
  /** The kinds whose port an address has. */
  kindsAt(origin: string): ReadonlySet<string>
}

/** Where to look. What cannot be used is a problem, and stops nothing else. */
export function targetsOf(
  fingerprints: readonly Fingerprint[],
  { hosts = ['localhost'], backends = {}, range = [8_000, 8_200], addresses = [] }: DiscoverOptions,
): Targets {
  const plan = new Plan()
  const everywhere = hosts.flatMap((host, index) => plan.hosts(host, `hosts[${index}]`))
  for (const { kind, ports } of fingerprints)
    for (const port of ports) plan.add(everywhere, port, kind)
  for (const [kind, options] of Object.entries(backends)) {
    const known = fingerprints.find((one) => one.kind === kind)
    const field = `backends.${kind}`
    if (known === undefined) {
      plan.problem(field, `is no kind that is looked for; known are ${kindsOf(fingerprints)}`)
      continue
    }
    const more = (options.ports ?? []).flatMap((port, index) =>
      plan.isPort(port, `${field}.ports[${index}]`) ? [port] : [],
    )
    const own = (options.hosts ?? []).flatMap((host, index) =>
      plan.hosts(host, `${field}.hosts[${index}]`),
    )
    for (const [index, address] of (options.addresses ?? []).entries())
      plan.origin(address, `${field}.addresses[${index}]`, kind)
    for (const port of more) plan.add(everywhere, port, kind)
    for (const port of [...known.ports, ...more]) plan.add(own, port, kind)
  }
  if (range !== false) plan.range(everywhere, range)
  for (const [index, address] of addresses.entries()) plan.origin(address, `addresses[${index}]`)
  return plan
}

const kindsOf = (fingerprints: readonly Fingerprint[]): string =>
  fingerprints.map(({ kind }) => kind).join(', ')

/** `10.0.0.7:8188`, `[::1]:8188`. */
export const authority = (host: string, port: number): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

/** As URL writes it, so that each place has one name. */
export function originAt({ host, port }: Pick<Target, 'host' | 'port'>): string {
  const text = `http://${authority(host, port)}`
  return URL.canParse(text) ? new URL(text).origin : text
}

/** No range is larger: a scan is for finding back ends, not for mapping networks. */
const widestRange = 2_048

class Plan implements Targets {
  readonly problems: Problem[] = []
  readonly origins = new Map<string, string | undefined>()
  readonly #targets = new Map<string, Target>()

  get targets(): readonly Target[] {
    return [...this.#targets].flatMap(([origin, target]) =>
      this.origins.has(origin) ? [] : [target],
    )
  }

  kindsAt(origin: string): ReadonlySet<string> {
    return this.#targets.get(origin)?.kinds ?? nobody
  }

  problem(field: string, message: string): void {
    this.problems.push({ field, message })
  }

  add(hosts: readonly string[], port: number, kind?: string): void {
    for (const host of hosts) {
      const origin = originAt({ host, port })
      const target = this.#targets.get(origin) ?? { host, port, kinds: new Set() }
      if (kind !== undefined) target.kinds.add(kind)
      this.#targets.set(origin, target)
    }
  }

  /** `localhost` may be either family, and programs listen on one, the other or both. */
  hosts(given: unknown, field: string): readonly string[] {
    const host = typeof given === 'string' ? plainHost(given) : undefined
    if (host === undefined) {
      this.problem(field, `is no host: a name or an IP address, without scheme, port or path`)
      return []
    }
    return aliases.get(host) ?? [host]
  }

  isPort(given: unknown, field: string): given is number {
    const is = Number.isInteger(given) && Number(given) >= 1 && Number(given) <= 65_535
    if (!is) this.problem(field, `is no port: a whole number from 1 to 65535, got ${shown(given)}`)
    return is
  }

  range(hosts: readonly string[], given: readonly unknown[]): void {
    const [first, last] = given
    if (!this.isPort(first, 'range[0]') || !this.isPort(last, 'range[1]')) return
    if (last < first || last - first >= widestRange) {
      this.problem('range', `is no range of at most ${widestRange} ports: ${first} to ${last}`)
      return
    }
    for (let port = first; port <= last; port++) this.add(hosts, port)
  }

  origin(given: unknown, field: string, kind?: string): void {
    const url = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username + url.password !== '')
      this.problem(field, 'is no address: http or https with a host, such as http://10.0.0.7:8188')
    else this.origins.set(url.origin, kind ?? this.origins.get(url.origin))
  }
}

const nobody: ReadonlySet<string> = new Set()

/** Addresses that programs bind to are where they listen, not where they can be reached. */
const aliases: ReadonlyMap<string, readonly string[]> = new Map([
  ['localhost', ['127.0.0.1', '::1']],
  ['0.0.0.0', ['127.0.0.1']],
  ['::', ['::1']],
])

function plainHost(given: string): string | undefined {
  const text = given.trim().toLowerCase()
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) !== 0) return bare
  return /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?$/.test(text) ? text : undefined
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value).slice(0, 40)
