import type { z } from 'zod'
import { type InputIssue, oneLine } from '../../core/errors.js'
import { isSecret } from '../secrets.js'

/** Getters of the input may throw, and proxies may do worse; either way it is the input that is wrong. */
export function parse<T>(
  schema: z.ZodType<T>,
  input: unknown,
  invalid: (issues: readonly InputIssue[]) => Error,
): T {
  const result = safeParse(schema, input, invalid)
  if (result.success) return result.data
  throw invalid(result.error.issues.flatMap((issue) => toIssues(issue)))
}

/** A schema, and a cheap test that is true only for what the schema gives back unchanged. */
export interface Quick<T> {
  readonly schema: z.ZodType<T>
  readonly plainly: (value: unknown) => value is T
}

/** As `parse`, but what is plainly right is given back as it is, not copied. */
export function parseQuick<T>(
  { schema, plainly }: Quick<T>,
  input: unknown,
  invalid: (issues: readonly InputIssue[]) => Error,
): T {
  try {
    if (plainly(input)) return input
  } catch {
    // a getter: the schema says so
  }
  return parse(schema, input, invalid)
}

export function safeParse<T>(
  schema: z.ZodType<T>,
  input: unknown,
  invalid: (issues: readonly InputIssue[]) => Error,
): z.ZodSafeParseResult<T> {
  try {
    return schema.safeParse(input, { reportInput: true })
  } catch (error) {
    throw invalid([{ field: '', message: unreadable(error) }])
  }
}

export const unreadable = (error: unknown): string =>
  `expected fields that can be read; reading one threw: ${oneLine(error)}`

export const unknownField: string = 'is not a known field; check its spelling'

type ZodIssue = z.core.$ZodIssue

/** `under` is the field whose schema found it. */
export function toIssues(issue: ZodIssue, under?: string): InputIssue[] {
  const path = under === undefined ? issue.path : [under, ...issue.path]
  const inner = issue.code === 'invalid_union' ? issue.errors.find(isInside) : undefined
  if (inner !== undefined)
    return inner.flatMap((one) => toIssues({ ...one, path: [...issue.path, ...one.path] }, under))
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: fieldName([...path, key]), message: unknownField }))
  return [
    {
      field: fieldName(path),
      message: `${expectation(issue)}, got ${preview(issue.input, path)}`,
    },
  ]
}

/** Of the forms a value could have, the one it is meant to be: only something inside of it is wrong. */
const isInside = (issues: readonly ZodIssue[]): boolean =>
  issues.length > 0 &&
  issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys')

function expectation(issue: ZodIssue): string {
  const said = issue.message.replace(/^Invalid input: |^Invalid option: |^Too (?:small|big): /, '')
  return said.replace(/, received .*$/s, '')
}

function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('')
}

/** The value as a person would write it, short, with secrets hidden. */
export function preview(value: unknown, path: readonly PropertyKey[]): string {
  if (path.some((part) => typeof part === 'string' && isSecret(part)))
    return 'a value that is not shown'
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value)
    case 'undefined':
      return 'nothing'
    case 'bigint':
      return `${value}n`
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    case 'object':
      return value === null
        ? 'null'
        : Array.isArray(value)
          ? `a list of ${lengthOf(value)}`
          : 'an object'
    default:
      return String(value)
  }
}

function lengthOf(list: readonly unknown[]): number | string {
  try {
    return list.length
  } catch {
    return 'unknown length' // a proxy
  }
}
