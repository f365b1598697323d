import { isDeepStrictEqual } from 'node:util'
import {
  atLeast,
  parseRange,
  parseVersion,
  type Version,
  type VersionRange,
} from '../core/version.js'

/** What one parameter of a capability accepts. */
export interface ParameterSpec {
  readonly type?: 'int' | 'float' | 'number' | 'string' | 'boolean' | 'array' | 'object' | undefined
  readonly min?: number | undefined
  readonly max?: number | undefined
  /** The only values there are. */
  readonly values?: readonly unknown[] | undefined
  /** What each item of a list is. */
  readonly items?: ParameterSpec | undefined
  /** Whether a call must give it. Default false. */
  readonly required?: boolean | undefined
  /** What is used when it is left out. */
  readonly default?: unknown
  readonly description?: string | undefined
}

/** Something a provider can do. */
export interface Capability {
  readonly name: string
  /** As it was given; what is no version fits only requirements without one. */
  readonly version?: string | undefined
  readonly parameters?: Readonly<Record<string, ParameterSpec>> | undefined
  readonly constraints?: Readonly<Record<string, unknown>> | undefined
}

/** What a request asks for: `'chat'`, `'image@>=1.2'`, or the object form. */
export type RequirementInput =
  | string
  | {
      readonly name: string
      /** Any version from here on, later majors included. */
      readonly minVersion?: string | undefined
      /** npm's range language: `^1.2`, `1.2`, `>=1 <3`. */
      readonly range?: string | undefined
      /** Values that the provider's declared parameters must accept. */
      readonly parameters?: Readonly<Record<string, unknown>> | undefined
    }

/** A requirement, parsed. Two that ask for the same have the same `key`. */
export interface Requirement {
  readonly name: string
  /** As people read it: `image@>=1.2`. */
  readonly text: string
  readonly version: VersionRange | undefined
  readonly parameters: Readonly<Record<string, unknown>> | undefined
  readonly key: string
}

const versions = new WeakMap<Capability, { readonly version: Version | undefined }>()

/** Parsed on first use and kept beside the capability, so that plain data stays plain. */
function versionOf(capability: Capability): Version | undefined {
  if (capability.version === undefined) return undefined
  let known = versions.get(capability)
  if (known === undefined) {
    known = { version: parseVersion(capability.version) }
    versions.set(capability, known)
  }
  return known.version
}

/** Reads a requirement; gives a message when its version part is no range. */
export function parseRequirement(
  input: RequirementInput,
): Requirement | { readonly problem: string } {
  const asked = typeof input === 'string' ? splitText(input) : input
  const { name, parameters } = asked
  if (name === '') return { problem: 'expected a capability name before the "@"' }
  if (asked.minVersion !== undefined && asked.range !== undefined)
    return { problem: 'expected minVersion or range, not both' }
  const text = asked.minVersion ?? asked.range
  const version =
    text === undefined
      ? undefined
      : asked.minVersion !== undefined
        ? atLeast(text)
        : parseRange(text)
  if (text !== undefined && version === undefined)
    return {
      problem: `expected ${asked.minVersion !== undefined ? 'a version such as 1.2' : 'a version range such as ^1.2 or >=1.0'}, got ${JSON.stringify(text)}`,
    }
  // `minVersion` and a range may read the same and differ on pre-releases
  const key = canonical([name, asked.minVersion !== undefined, text, parameters])
  const label = version === undefined ? name : `${name}@${version.text}`
  const plus = parameters === undefined ? '' : ` with ${canonical(parameters)}`
  return { name, text: `${label}${plus}`, version, parameters, key }
}

function splitText(text: string): {
  name: string
  range?: string
  minVersion?: string
  parameters?: undefined
} {
  const at = text.indexOf('@')
  return at < 0 ? { name: text } : { name: text.slice(0, at), range: text.slice(at + 1) }
}

/** Plain data as a text that is the same for the same data only: keys sorted, NaN and Infinity told apart. */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  const entries = Object.entries(value).map(
    ([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`,
  )
  return `{${entries.sort().join(',')}}`
}

/** Whether a provider with these capabilities meets the requirement. */
export function meets(capabilities: readonly Capability[], requirement: Requirement): boolean {
  return capabilities.some((capability) => satisfies(capability, requirement))
}

function satisfies(capability: Capability, { name, version, parameters }: Requirement): boolean {
  if (capability.name !== name) return false
  if (version !== undefined) {
    const own = versionOf(capability)
    if (own === undefined || !version.accepts(own)) return false
  }
  return parameters === undefined || acceptsAll(capability.parameters, parameters)
}

/** A parameter that nothing is declared about is unknown, and unknown is not a no. */
function acceptsAll(
  specs: Capability['parameters'],
  values: Readonly<Record<string, unknown>>,
): boolean {
  if (specs === undefined) return true
  return Object.entries(values).every(([name, value]) => {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined
    return spec === undefined || accepts(spec, value)
  })
}

function accepts({ type, min, max, values }: ParameterSpec, value: unknown): boolean {
  if (type !== undefined && !hasType[type](value)) return false
  if (values !== undefined && !values.some((one) => isDeepStrictEqual(one, value))) return false
  if (min === undefined && max === undefined) return true
  const size = sizeOf(value)
  return size !== undefined && size >= (min ?? size) && size <= (max ?? size)
}

const hasType: Record<NonNullable<ParameterSpec['type']>, (value: unknown) => boolean> = {
  int: Number.isInteger,
  float: Number.isFinite,
  number: Number.isFinite,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  array: Array.isArray,
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
}

/** Bounds are of the value for numbers, of the length for texts and lists. */
function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'string' || Array.isArray(value)) return value.length
  return undefined
}
