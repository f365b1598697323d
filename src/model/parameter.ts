import { isDeepStrictEqual } from 'node:util'

/** What one parameter of a capability accepts. */
export interface ParameterSpec {
  readonly type?: 'int' | 'float' | 'number' | 'string' | 'boolean' | 'array' | 'object' | undefined
  /** Of the value for numbers, of the length for texts (in characters) and lists. */
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

/** By name of the parameter. */
export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>

/** The part of a spec that a value breaks. */
export type Limit = 'required' | 'type' | 'values' | 'min' | 'max' | 'items'

/** What a value breaks first; `undefined` when it is accepted. `undefined` as a value is one left out. */
export function brokenLimit(spec: ParameterSpec, value: unknown): Limit | undefined {
  if (value === undefined) return spec.required === true ? 'required' : undefined
  return brokenBy(spec, value)
}

/** Whether a value that was given is one of those the spec means. */
export const accepts = (spec: ParameterSpec, value: unknown): boolean =>
  brokenBy(spec, value) === undefined

function brokenBy(spec: ParameterSpec, value: unknown): Limit | undefined {
  const { min, max, values, items } = spec
  const type = typeOf(spec)
  if (type !== undefined && !hasType[type](value)) return 'type'
  if (values !== undefined && !values.some((one) => isSame(one, value))) return 'values'
  if (isBounded(spec)) {
    const size = sizeOf(value)
    if (size === undefined) return 'type'
    if (!(size >= (min ?? size))) return 'min'
    if (!(size <= (max ?? size))) return 'max'
  }
  if (items !== undefined && Array.isArray(value) && !value.every((one) => accepts(items, one)))
    return 'items'
  return undefined
}

/** Zero has two signs, which no caller means to tell apart. */
const isSame = (one: unknown, other: unknown): boolean =>
  one === other || isDeepStrictEqual(one, other)

const hasType: Record<NonNullable<ParameterSpec['type']>, (value: unknown) => boolean> = {
  int: Number.isInteger,
  float: Number.isFinite,
  number: Number.isFinite,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  array: Array.isArray,
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'string') return charactersIn(value)
  return Array.isArray(value) ? value.length : undefined
}

/** As JSON Schema counts them: one outside the basic plane is one. */
function charactersIn(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}

/** Only lists have items. */
export const typeOf = ({ type, items }: ParameterSpec): ParameterSpec['type'] =>
  type ?? (items === undefined ? undefined : 'array')

export const isBounded = ({ min, max }: ParameterSpec): boolean =>
  min !== undefined || max !== undefined

/** Whether its bounds are of a length. */
export const hasLength = (spec: ParameterSpec): boolean => {
  const type = typeOf(spec)
  return type === 'string' || type === 'array'
}

const nouns: Record<NonNullable<ParameterSpec['type']>, string> = {
  int: 'an integer',
  float: 'a number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
}

/** What is accepted, as people read it: `an integer from 64 to 2048`. */
export function describeSpec(spec: ParameterSpec): string {
  if (spec.values !== undefined) return oneOf(spec.values)
  const { min, max, items } = spec
  const range = isBounded(spec) ? rangeText(spec, [min, max]) : ''
  const each = items === undefined ? '' : `, each ${describeSpec(items)}`
  return `${nounOf(spec)}${range}${each}`
}

function nounOf(spec: ParameterSpec): string {
  const type = typeOf(spec)
  if (type !== undefined) return nouns[type]
  return isBounded(spec) ? 'a number, or a text or list whose length is' : 'a value'
}

function rangeText(spec: ParameterSpec, [min, max]: Bounds): string {
  const words = min === undefined ? `up to ${max}` : `from ${min}`
  const both = min !== undefined && max !== undefined ? `${words} to ${max}` : words
  return hasLength(spec) ? ` of length ${both}` : ` ${both}`
}

type Bounds = readonly [min: number | undefined, max: number | undefined]

/** The one limit, as people read it after the name of the parameter: `up to 2048`. */
export function limitText(spec: ParameterSpec, limit: Limit): string {
  switch (limit) {
    case 'min':
      return rangeText(spec, [spec.min, undefined]).trim()
    case 'max':
      return rangeText(spec, [undefined, spec.max]).trim()
    case 'required':
      return 'required'
    case 'items':
      return `each ${describeSpec(spec.items ?? {})}`
    default:
      return describeSpec(spec)
  }
}

/** No more values of a list are spelled out. */
const spelledOut = 10

export function oneOf(values: readonly unknown[]): string {
  const more = values.length - spelledOut
  const listed = values.slice(0, spelledOut).map(valueText).join(', ')
  return `${values.length > 1 ? 'one of ' : ''}${listed}${more > 0 ? ` and ${more} more` : ''}`
}

function valueText(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
