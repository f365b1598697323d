import type { Capability } from '../capability.js'
import { deepest, isPlainObject, isText, longestText, mostItems } from './words.js'

/**
 * Cheap tests for what most input looks like. Each is true only for what the schema of the same name
 * gives back unchanged, so only the rest has to be read by the schema, which also says what is wrong.
 */
type Plainly = (value: unknown) => boolean

const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value)

export const isPositive: Plainly = (value) => isNumber(value) && value > 0
export const isTime = (value: unknown): value is number => isNumber(value) && value >= 0
export const isMoment: (value: unknown) => value is number = isNumber
export const isCount: Plainly = (value) => Number.isSafeInteger(value) && Number(value) >= 1

export const isShort = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= longestText

export const isTexts = (value: unknown): value is readonly string[] =>
  isListOf(value, (one) => isText(one))

export const isPlainData = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isObject(value) && isPlain(value, 0)

/** No functions, classes or circles, all the way down. */
function isPlain(value: unknown, depth: number): boolean {
  if (depth > deepest) return false
  if (typeof value !== 'object' || value === null)
    return typeof value !== 'function' && typeof value !== 'symbol' && typeof value !== 'bigint'
  if (!Array.isArray(value) && !isPlainObject(value)) return false
  for (const key of Object.keys(value))
    if (!isPlain((value as Readonly<Record<string, unknown>>)[key], depth + 1)) return false
  return true
}

/** With nothing but fields that can be seen, and no name that would reach the prototype. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  if (!isPlainObject(value) || Object.hasOwn(value, '__proto__')) return false
  return Reflect.ownKeys(value).length === Object.keys(value).length
}

export const hasOnly = (value: object, fields: ReadonlySet<string>): boolean =>
  Object.keys(value).every((field) => fields.has(field))

export const isCapabilities: Plainly = (value) => isListOf(value, isCapability)

const capabilityFields: ReadonlySet<keyof Capability> = new Set(['name', 'version', 'constraints'])

/** Those with parameters are left to the schema. */
function isCapability(value: unknown): boolean {
  if (typeof value === 'string') return isText(value) && !value.startsWith('@')
  if (!isObject(value) || !hasOnly(value, capabilityFields)) return false
  const { name, version, constraints } = value
  if (!isText(name) || name.includes('@')) return false
  return (version === undefined || isShort(version)) && isOptional(constraints, isPlainData)
}

const isOptional = (value: unknown, is: Plainly): boolean => value === undefined || is(value)

/** A hole in a list is no item. */
function isListOf(value: unknown, is: Plainly): boolean {
  if (!Array.isArray(value) || value.length > mostItems) return false
  for (const one of value) if (!is(one)) return false
  return true
}
