import { isDeepStrictEqual } from 'node:util'
import {
  type Capability,
  canonical,
  type Definitions,
  parametersOf,
  versionOf,
} from './capability.js'
import {
  accepts,
  describeSpec,
  hasLength,
  isBounded,
  limitText,
  oneOf,
  type ParameterSpec,
  typeOf,
} from './parameter.js'

/** Whether one can serve whoever relied on the other. */
export interface Comparison {
  /** `compatible`: nothing is missing and something was added. */
  readonly verdict: 'equal' | 'compatible' | 'incompatible'
  /** What there was not before, such as `width up to 4096`. */
  readonly added: readonly string[]
  /** What is there no more, such as `version 1.2`. */
  readonly missing: readonly string[]
}

/**
 * Compares what `before` and `after` promise. What is added one way is what is missing the other way.
 * `defined` stands in for parameters that a capability does not declare.
 */
export function compareCapabilities(
  before: readonly Capability[],
  after: readonly Capability[],
  defined?: Definitions,
): Comparison {
  const missing = lostFromAll(before, after, defined)
  const added = lostFromAll(after, before, defined)
  const verdict = missing.length > 0 ? 'incompatible' : added.length > 0 ? 'compatible' : 'equal'
  return Object.freeze({ verdict, added: Object.freeze(added), missing: Object.freeze(missing) })
}

/** What the first ones promise and the others do not. Several are told apart by their names. */
function lostFromAll(
  before: readonly Capability[],
  after: readonly Capability[],
  defined: Definitions | undefined,
): string[] {
  const several = before.length > 1 || after.length > 1
  const byName = new Map<string, Capability[]>()
  for (const one of after) byName.set(one.name, [...(byName.get(one.name) ?? []), one])
  const lost = before.flatMap((one) => {
    const same = byName.get(one.name)
    if (same === undefined) return [labelOf(one)]
    const texts = lostToNearest(one, same, defined)
    return several ? texts.map((text) => `${one.name}: ${text}`) : texts
  })
  return [...new Set(lost)]
}

const labelOf = ({ name, version }: Capability): string =>
  version === undefined ? name : `${name}@${version}`

/** Of several versions the one that keeps most is the one to go by. */
function lostToNearest(
  one: Capability,
  others: readonly Capability[],
  defined: Definitions | undefined,
): readonly string[] {
  let least: readonly string[] | undefined
  for (const other of others) {
    const lost = lostTo(one, other, defined)
    if (least === undefined || lost.length < least.length) least = lost
  }
  return least ?? []
}

/** What the capability promises and the other of its name does not. */
function lostTo(one: Capability, other: Capability, defined: Definitions | undefined): string[] {
  return [
    ...lostVersion(one, other),
    ...lostParameters(one, other, defined),
    ...lostFreedom(one, other),
  ]
}

/** A later version of the same major serves. What is no version promises none. */
function lostVersion(one: Capability, other: Capability): string[] {
  const own = versionOf(one)
  if (own === undefined) return []
  const its = versionOf(other)
  const serves = its !== undefined && its.major === own.major && its.compare(own) >= 0
  return serves ? [] : [`version ${one.version}`]
}

function lostParameters(
  one: Capability,
  other: Capability,
  defined: Definitions | undefined,
): string[] {
  const own = new Map(Object.entries(parametersOf(one, defined)))
  const its = new Map(Object.entries(parametersOf(other, defined)))
  const lost = [...own].flatMap(([name, spec]) => {
    const counterpart = its.get(name)
    return counterpart === undefined ? [`parameter ${name}`] : lostValues(name, spec, counterpart)
  })
  const demanded = [...its]
    .filter(([name, { required }]) => required === true && own.get(name)?.required !== true)
    .map(([name]) => `calls without ${name}`)
  return [...lost, ...demanded]
}

/** Values that the spec takes and the other does not. Says too much rather than too little. */
function lostValues(name: string, spec: ParameterSpec, other: ParameterSpec): string[] {
  const { values = typeOf(spec) === 'boolean' ? [true, false] : undefined } = spec
  if (values !== undefined) {
    const lost = values.filter((value) => accepts(spec, value) && !accepts(other, value))
    return lost.length === 0 ? [] : [`${name} ${oneOf(lost)}`]
  }
  if (other.values !== undefined || !takesTypeOf(other, spec))
    return [`${name} ${describeSpec(spec)}`]
  return [...lostBounds(name, spec, other), ...lostItems(name, spec, other)]
}

const isNumber = (type: ParameterSpec['type']): boolean =>
  type === 'int' || type === 'float' || type === 'number'

function takesTypeOf(other: ParameterSpec, spec: ParameterSpec): boolean {
  const wide = typeOf(other)
  const type = typeOf(spec)
  if (wide === undefined)
    return !isBounded(other) || isBounded(spec) || isNumber(type) || hasLength(spec)
  return wide === type || (isNumber(type) && isNumber(wide) && wide !== 'int')
}

function lostBounds(name: string, spec: ParameterSpec, other: ParameterSpec): string[] {
  const lost: string[] = []
  if (lowest(spec) < lowest(other))
    lost.push(`${name} ${spec.min === undefined ? `below ${other.min}` : limitText(spec, 'min')}`)
  if (highest(spec) > highest(other))
    lost.push(`${name} ${spec.max === undefined ? `above ${other.max}` : limitText(spec, 'max')}`)
  return lost
}

/** No length is below 0. */
const lowest = (spec: ParameterSpec): number =>
  spec.min ?? (hasLength(spec) ? 0 : Number.NEGATIVE_INFINITY)
const highest = (spec: ParameterSpec): number => spec.max ?? Number.POSITIVE_INFINITY

function lostItems(name: string, { items }: ParameterSpec, other: ParameterSpec): string[] {
  if (other.items === undefined) return []
  return lostValues(`each of ${name}`, items ?? {}, other.items)
}

/** A constraint that the other adds or changes. */
function lostFreedom({ constraints: own = {} }: Capability, other: Capability): string[] {
  return Object.entries(other.constraints ?? {}).flatMap(([name, constraint]) => {
    if (!Object.hasOwn(own, name)) return [`freedom from the constraint ${name}`]
    if (isDeepStrictEqual(own[name], constraint)) return []
    return [`constraint ${name}: ${canonical(own[name])}`]
  })
}
