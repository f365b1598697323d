import { isIPv6 } from 'node:net'
import { type AddressPolicy, parseTarget } from '../../core/address.js'
import type { Clock } from '../../core/clock.js'
import { type InputIssue, InvalidOptionsError } from '../../core/errors.js'
import { isObject, nameOf } from '../../core/foreign.js'
import type { Health } from '../../model/health.js'
import type { CapabilityInput } from '../../model/provider.js'
import type { Sighting } from '../../model/sighting.js'
import type { StrategyChoice } from '../../model/strategy.js'

/** What is the same for all sources that look providers up in somebody else's registry. */
export interface LookUpOptions {
  /** The source's own, unique among sources; the `origin` of what it sees. */
  readonly name?: string | undefined
  /** Who sees the providers. Default everyone. */
  readonly handler?: string | readonly string[] | undefined
  /** What all of them can do, besides what the registry says of each. */
  readonly capabilities?: readonly CapabilityInput[] | undefined
  /** Default 0. */
  readonly group?: number | undefined
  /** Of their group. Only `weighted` looks at the weights that a registry gives. */
  readonly strategy?: StrategyChoice | undefined
  /** Stands before host and port in `address`. Default `http`. */
  readonly scheme?: string | undefined
  /** Which addresses the registry itself may have. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
  readonly clock?: Clock | undefined
}

/** One provider as a registry tells of it, read but not believed. */
export interface Found {
  readonly service: string
  /** A name or an IP address. */
  readonly host: string
  /** Left out of the address when it is no port. */
  readonly port: number | undefined
  readonly capabilities?: readonly string[] | undefined
  readonly version?: string | undefined
  readonly group?: number | undefined
  readonly weight?: number | undefined
  readonly health?: Health | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** Named `<service>@<host>:<port>`. A list, which is empty when the host cannot be one. */
export function toSightings(found: Found, options: LookUpOptions): readonly Sighting[] {
  const { service, version, health, metadata } = found
  const place = placeOf(found.host, found.port)
  if (place === undefined) return []
  const weight = found.weight === undefined ? undefined : Math.max(found.weight, leastWeight)
  return [
    {
      service,
      name: `${service}@${place}`,
      address: `${options.scheme ?? 'http'}://${place}`,
      handler: options.handler,
      group: found.group ?? options.group,
      strategy: options.strategy,
      capabilities: withCommon(options.capabilities, found.capabilities),
      version,
      weight,
      health,
      metadata,
    },
  ]
}

/** Registries allow a weight of 0: chosen seldom, which is not never. */
const leastWeight = 0.01

function placeOf(host: string, port: number | undefined): string | undefined {
  const isPort = port !== undefined && Number.isInteger(port) && port >= 1 && port <= 65_535
  try {
    const { hostname } = parseTarget({ host, port: isPort ? port : 1 })
    const written = isIPv6(hostname) ? `[${hostname}]` : hostname
    return isPort ? `${written}:${port}` : written
  } catch {
    return undefined
  }
}

function withCommon(
  common: readonly CapabilityInput[] = [],
  told: readonly string[] = [],
): readonly CapabilityInput[] {
  const known = new Set(common.map((one) => (typeof one === 'string' ? one : one.name)))
  return [...common, ...told.filter((name) => !known.has(name) && !name.startsWith('@'))]
}

/** Each name once. Of several the one that is best off stays: a registry may still hold what was there before. */
export function unique(
  sightings: readonly Sighting[],
  keyOf: (sighting: Sighting) => string = ({ name }) => name,
): readonly Sighting[] {
  const best = new Map<string, Sighting>()
  for (const sighting of sightings) {
    const other = best.get(keyOf(sighting))
    if (other === undefined || rank(sighting) < rank(other)) best.set(keyOf(sighting), sighting)
  }
  return [...best.values()]
}

const wellFirst = ['healthy', undefined, 'unknown', 'degraded', 'loading', 'unhealthy']
const rank = ({ health }: Sighting): number =>
  wellFirst.includes(health) ? wellFirst.indexOf(health) : wellFirst.length

/** `a,b` as a list; at most 100 names, each once. */
export function listOf(value: unknown, separator: string | RegExp = ','): readonly string[] {
  if (typeof value !== 'string') return []
  const names = value.split(separator).map((part) => nameOf(part, 200))
  return [...new Set(names.filter((name) => name !== undefined))].slice(0, 100)
}

/** The texts of an object that are short enough to be a remark, at most 64. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {}
  const entries = Object.entries(value).flatMap(([key, text]) => {
    const isRemark = typeof text === 'string' && text.length <= 512
    return isRemark && key !== '__proto__' && nameOf(key, 200) === key ? [[key, text] as const] : []
  })
  return Object.fromEntries(entries.slice(0, 64))
}

/** Each may be a connection that waits. */
const mostServices = 64

/** What to look up, and what service that is for: of `service`, or of each entry of `services`. */
export function targetsOf(
  source: string,
  options: {
    readonly service?: string | undefined
    readonly services?: Readonly<Record<string, string>> | undefined
  },
): ReadonlyMap<string, string> {
  const { service, services } = options
  const entries = Object.entries(services ?? (service === undefined ? {} : { [service]: service }))
  const areNames = entries.flat().every((name) => nameOf(name) === name)
  const isSome = entries.length > 0 && entries.length <= mostServices
  if ((service === undefined) !== (services === undefined) && isSome && areNames)
    return new Map(entries)
  const message =
    'expected either service, a name, or services, 1 to 64, such as { comfyui: "media" } for what is comfyui there and media here'
  throw new InvalidOptionsError([{ field: 'service', message }], source)
}

/** Throws `InvalidOptionsError` when there is something to say. */
export function refuseIssues(source: string, issues: readonly (InputIssue | undefined)[]): void {
  const found = issues.filter((issue) => issue !== undefined)
  if (found.length > 0) throw new InvalidOptionsError(found, source)
}

export const positiveIssue = (field: string, value: number): InputIssue | undefined =>
  Number.isFinite(value) && value > 0
    ? undefined
    : { field, message: `expected milliseconds above 0, got ${String(value)}` }
