import {
  atLeast,
  parseRange,
  parseVersion,
  type Version,
  type VersionRange,
} from '../core/version.js'
import { brokenLimit, limitText, type ParameterSpec, type ParameterSpecs } from './parameter.js'

/** Something a provider can do. */
export interface Capability {
  readonly name: string
  /** As it was given; what is no version fits only requirements without one. */
  readonly version?: string | undefined
  readonly parameters?: ParameterSpecs | undefined
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
  /** What is known of parameters that a provider says nothing of. */
  readonly defined?: Definitions | undefined
}

/** The parameters that a capability of this name and version has by definition. */
export type Definitions = (capability: Capability) => ParameterSpecs | undefined

export const versionOf = ({ version }: Capability): Version | undefined =>
  version === undefined ? undefined : parseVersion(version)

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
  const key = keyOf(name, asked.minVersion !== undefined, text, parameters)
  const label = version === undefined ? name : `${name}@${version.text}`
  const plus = parameters === undefined ? '' : ` with ${canonical(parameters)}`
  return { name, text: `${label}${plus}`, version, parameters, key }
}

function keyOf(...parts: readonly [string, boolean, string | undefined, unknown]): string {
  const [name, isMinimum, text, parameters] = parts
  return parameters === undefined
    ? `${name.length} ${name}${isMinimum ? '>=' : '@'}${text ?? ''}`
    : canonical(parts)
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
  return capabilities.some(
    (capability) =>
      isOf(capability, requirement) && refusedParameter(capability, requirement) === undefined,
  )
}

/** What these capabilities lack of the requirement, as people read it; `undefined` when they meet it. */
export function lackOf(
  capabilities: readonly Capability[],
  requirement: Requirement,
): string | undefined {
  if (meets(capabilities, requirement)) return undefined
  const near = capabilities.find((capability) => isOf(capability, requirement))
  const refused = near && refusedParameter(near, requirement)
  return refused === undefined ? requirement.text : `${requirement.text} (${refused})`
}

/** Whether it has the name, and a version that was asked for. */
function isOf(capability: Capability, { name, version }: Requirement): boolean {
  if (capability.name !== name) return false
  if (version === undefined) return true
  const own = versionOf(capability)
  return own !== undefined && version.accepts(own)
}

/**
 * The first parameter whose value it does not take, and its limit: `width up to 2048`. A parameter
 * that neither the provider nor a definition says anything of is unknown, and unknown is not a no.
 */
function refusedParameter(
  capability: Capability,
  { parameters, defined }: Requirement,
): string | undefined {
  if (parameters === undefined) return undefined
  for (const [name, value] of Object.entries(parameters)) {
    const spec = specOf(capability.parameters, name) ?? specOf(defined?.(capability), name)
    if (spec === undefined) continue
    const broken = brokenLimit(spec, value)
    if (broken !== undefined) return `${name} ${limitText(spec, broken)}`
  }
  return undefined
}

const specOf = (specs: ParameterSpecs | undefined, name: string): ParameterSpec | undefined =>
  specs !== undefined && Object.hasOwn(specs, name) ? specs[name] : undefined

/** All that is known of its parameters. What it declares itself stands in place of what is defined. */
export const parametersOf = (
  capability: Capability,
  defined: Definitions | undefined,
): ParameterSpecs => ({ ...defined?.(capability), ...capability.parameters })
