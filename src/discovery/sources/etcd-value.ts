import { field, isObject, nameOf } from '../../core/foreign.js'
import type { Sighting } from '../../model/sighting.js'
import { type LookUpOptions, unique } from './look-up.js'

export interface ValueOptions extends LookUpOptions {
  readonly prefix: string
  /** For values that do not say what they are providers of. */
  readonly service?: string | undefined
}

/** What of a value is taken over as it is. */
const fields = [
  'handler',
  'priority',
  'group',
  'strategy',
  'version',
  'apiVersion',
  'models',
  'dependencies',
  'metadata',
  'limits',
  'weight',
  'credential',
  'requestsPerMinute',
  'tokensPerMinute',
  'concurrency',
  'idempotent',
  'circuit',
  'health',
] as const

/** A provider per key, in the order of the keys; each name once. */
export function sightingsIn(
  values: ReadonlyMap<string, string>,
  options: ValueOptions,
): readonly Sighting[] {
  const keys = [...values.keys()].sort()
  return unique(keys.map((key) => sightingIn(key, values.get(key) ?? '', options)))
}

/**
 * A value is a sighting as JSON, or a record with `url` and `type`. One that is no JSON is passed on
 * without a service, so that the registry refuses it under the name of its key.
 */
function sightingIn(key: string, text: string, options: ValueOptions): Sighting {
  const id = key.slice(options.prefix.length).replace(/^\/+/, '') || key
  const value = parsed(text)
  const { handler, group, strategy } = options
  if (!isObject(value)) return { service: '', name: id }
  const service =
    nameOf(field(value, 'service')) ?? nameOf(field(value, 'type')) ?? options.service ?? ''
  const told = fields.flatMap((name) => {
    const one = field(value, name)
    return one === undefined || one === null ? [] : [[name, one] as const]
  })
  const sighting = {
    service,
    name: nameOf(field(value, 'name')) ?? `${service}@${id}`,
    address: field(value, 'address') ?? field(value, 'url'),
    capabilities: capabilitiesOf(field(value, 'capabilities'), options),
    ...{ handler, group, strategy },
    ...Object.fromEntries(told),
  }
  return sighting as Sighting // checked field by field by whoever gets it
}

function capabilitiesOf(told: unknown, { capabilities: common = [] }: ValueOptions): unknown {
  if (told === undefined || told === null) return common
  return Array.isArray(told) ? [...common, ...told] : told
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
