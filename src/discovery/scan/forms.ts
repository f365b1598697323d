import { isObject } from '../../core/foreign.js'
import type { BackendOptions, DiscoverOptions } from './options.js'
import type { Problem } from './report.js'

/** Options of which each has the form that its type promises. */
export interface Formed {
  readonly options: DiscoverOptions
  readonly problems: readonly Problem[]
}

/** The options without those of a wrong form, whose defaults count. Values inside of lists are for others to judge. */
export function formed(given: DiscoverOptions): Formed {
  const problems: Problem[] = []
  const keep: Keep = (from, key, is, form, under = '') => {
    const value = from[key]
    if (value === undefined || is(value)) return value
    problems.push({ field: `${under}${String(key)}`, message: `is no ${form}, and is left out` })
    return undefined
  }
  const list = 'list'
  const backends = keep(given, 'backends', isObject, 'record by kind') ?? {}
  const options: DiscoverOptions = {
    ...given,
    hosts: keep(given, 'hosts', Array.isArray, list),
    addresses: keep(given, 'addresses', Array.isArray, list),
    only: keep(given, 'only', Array.isArray, list),
    fingerprints: keep(given, 'fingerprints', areFingerprints, 'list of fingerprints'),
    range: keep(given, 'range', isRange, 'pair of ports, such as [8000, 8200], nor false'),
    backends: Object.fromEntries(
      Object.keys(backends).map((kind) => [kind, backend(backends, kind, keep)]),
    ),
  }
  return { options, problems }
}

type Keep = <T extends object, K extends keyof T>(
  from: T,
  key: K,
  is: (value: unknown) => boolean,
  form: string,
  under?: string,
) => T[K] | undefined

function backend(
  backends: Readonly<Record<string, BackendOptions>>,
  kind: string,
  keep: Keep,
): BackendOptions {
  const given = keep(backends, kind, isObject, 'record of options', 'backends.') ?? {}
  const under = `backends.${kind}.`
  return {
    ports: keep(given, 'ports', Array.isArray, 'list', under),
    hosts: keep(given, 'hosts', Array.isArray, 'list', under),
    addresses: keep(given, 'addresses', Array.isArray, 'list', under),
    key: keep(given, 'key', isKey, 'key of letters, digits and signs', under),
  }
}

const isRange = (value: unknown): boolean => value === false || Array.isArray(value)

/** What can stand in a header field. */
const isKey = (value: unknown): boolean => typeof value === 'string' && /^[\x21-\x7E]+$/.test(value)

const areFingerprints = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every(
    (one) =>
      isObject(one) &&
      typeof one.kind === 'string' &&
      Array.isArray(one.ports) &&
      typeof one.recognise === 'function' &&
      typeof one.describe === 'function',
  )
