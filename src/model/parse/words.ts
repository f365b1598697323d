import { z } from 'zod'
import { hasMethods } from '../../core/methods.js'

/** No text of a registration, request or option is longer. */
export const longestText = 4_096
/** No list is longer. */
export const mostItems = 10_000
/** Nor is plain data nested deeper. */
export const deepest = 32

export const text: z.ZodString = z
  .string()
  .max(longestText)
  .refine((value) => value.trim() !== '', 'expected a text that is not blank')
export const texts: z.ZodArray<z.ZodString> = z.array(text).max(mostItems)
export const positive: z.ZodNumber = z.number().positive()
export const count: z.ZodNumber = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
export const wait: z.ZodNumber = z.number().min(0)
export const share: z.ZodNumber = z.number().gt(0).max(1)
export const duration: z.ZodType<number> = z.custom<number>(
  (value) => typeof value === 'number' && value >= 0,
  'expected milliseconds of 0 or more',
)
/** A limit that may be switched off with Infinity, which zod refuses as a number. */
export const limitMs: z.ZodType<number> = z.custom<number>(
  (value) => typeof value === 'number' && value > 0,
  'expected milliseconds above 0, or Infinity for no limit',
)
export const fn = <T>(what: string): z.ZodType<T> =>
  z.custom<T>((value) => typeof value === 'function', `expected ${what}`)

/** What can be written down: no functions, classes or circles. */
export const plainData: z.ZodType<Record<string, unknown>> = z
  .record(z.string(), z.unknown())
  .superRefine(refuseOdd)
export const plainList: z.ZodType<unknown[]> = z
  .array(z.unknown())
  .max(mostItems)
  .superRefine(refuseOdd)
export const plainValue: z.ZodType<unknown> = z.unknown().superRefine(refuseOdd)

function refuseOdd(value: unknown, context: z.RefinementCtx): void {
  const problem = notPlain(value, [])
  if (problem !== undefined)
    context.addIssue({
      code: 'custom',
      path: problem.path,
      message: problem.message,
      input: problem.value,
    })
}

function notPlain(
  value: unknown,
  path: readonly string[],
): { path: string[]; message: string; value: unknown } | undefined {
  if (path.length > deepest)
    return {
      path: [...path],
      message: `expected at most ${deepest} levels (is it circular?)`,
      value: '…',
    }
  if (value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value))
    return undefined
  if (typeof value === 'object' && (Array.isArray(value) || isPlainObject(value))) {
    for (const [key, one] of Object.entries(value)) {
      const problem = notPlain(one, [...path, key])
      if (problem !== undefined) return problem
    }
    return undefined
  }
  return {
    path: [...path],
    message: 'expected plain data (texts, numbers, booleans, null, lists, objects)',
    value,
  }
}

export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

export const capabilityName: z.ZodString = text.refine(
  (name) => !name.includes('@'),
  'expected a name without "@"',
)

/** What somebody else made, known by what it can do. */
export const port = <T>(what: string, ...methods: readonly string[]): z.ZodType<T> =>
  z.custom<T>(
    (value) => hasMethods(value, ...methods),
    `expected a ${what} with ${methods.join(', ')}`,
  )

export const signal: z.ZodType<AbortSignal> = z.custom<AbortSignal>(
  (value) =>
    hasMethods(value, 'addEventListener') &&
    'aborted' in value &&
    typeof value.aborted === 'boolean',
  'expected an AbortSignal',
)

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= longestText && /\S/.test(value)
}

const none: readonly never[] = Object.freeze([])

export const frozenList = <T>(list: readonly T[] | undefined): readonly T[] =>
  list === undefined || list.length === 0 ? none : Object.freeze([...list])

/** A deep copy that cannot be changed, without what is undefined. */
export function frozenCopy<T>(value: T): T
export function frozenCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Object.freeze(value.map((one) => frozenCopy(one)))
  const copy: Record<string, unknown> = {}
  for (const [key, one] of Object.entries(value)) {
    if (one === undefined) continue
    if (key === '__proto__') Object.defineProperty(copy, key, own(frozenCopy(one)))
    else copy[key] = frozenCopy(one)
  }
  return Object.freeze(copy)
}

/** A field named as the prototype is a field. */
const own = (value: unknown): PropertyDescriptor => ({ value, enumerable: true })
