import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type InputIssue, InvalidRegistrationError } from '../../core/errors.js'
import { parseVersion } from '../../core/version.js'
import type { CapabilityDefinition } from '../definition.js'
import {
  accepts,
  describeSpec,
  hasLength,
  isBounded,
  type ParameterSpec,
  typeOf,
} from '../parameter.js'
import { parameterSpec } from './capability.js'
import { parse, preview } from './read.js'
import { capabilityName, frozenCopy, longestText, plainData, text } from './words.js'

const definition = z.strictObject({
  name: capabilityName,
  version: text.refine(
    (value) => parseVersion(value) !== undefined,
    'expected a version such as 1.0',
  ),
  label: text.optional(),
  description: z.string().max(longestText).optional(),
  parameters: z.record(text, parameterSpec),
  constraints: plainData.refine(isJson, 'expected values that JSON can hold').optional(),
})

const invalid = (issues: readonly InputIssue[]): Error =>
  new InvalidRegistrationError(issues, 'capability definition')

/** A frozen copy. Throws `InvalidRegistrationError`, also for a parameter that contradicts itself. */
export function parseDefinition(input: unknown): CapabilityDefinition {
  const parsed = frozenCopy(parse(definition, input, invalid))
  const issues = Object.entries(parsed.parameters).flatMap(([name, spec]) =>
    contradictions(spec, `parameters.${name}`),
  )
  if (issues.length > 0) throw invalid(issues)
  return parsed
}

/** What could never hold, and what a schema for forms or tools could not say. */
function contradictions(spec: ParameterSpec, field: string): InputIssue[] {
  const { values, items } = spec
  const issues = [...boundIssues(spec, field)]
  const issue = (part: string, message: string): unknown =>
    issues.push({ field: `${field}.${part}`, message })
  if (values !== undefined) issues.push(...valueIssues(spec, values, `${field}.values`))
  if (items !== undefined) {
    if (typeOf(spec) !== 'array') issue('items', `expected only for lists, got type ${spec.type}`)
    issues.push(...contradictions(items, `${field}.items`))
  }
  if (Object.hasOwn(spec, 'default')) {
    if (spec.required) issue('default', 'expected none, because the parameter is required')
    if (!isJson(spec.default) || !accepts(spec, spec.default))
      issue('default', `expected ${describeSpec(spec)}, got ${preview(spec.default, [])}`)
  }
  return issues
}

function boundIssues(spec: ParameterSpec, field: string): InputIssue[] {
  if (!isBounded(spec)) return []
  const { min, max } = spec
  const type = typeOf(spec)
  if (type === undefined || type === 'boolean' || type === 'object') {
    const got = type === undefined ? 'nothing' : type
    const message = `expected a number, text or list beside min and max, got ${got}`
    return [{ field: `${field}.type`, message }]
  }
  if (min !== undefined && max !== undefined && min > max)
    return [{ field: `${field}.min`, message: `expected at most max, which is ${max}, got ${min}` }]
  if (!hasLength(spec)) return []
  return Object.entries({ min, max })
    .filter(([, bound]) => bound !== undefined && !(Number.isInteger(bound) && bound >= 0))
    .map(([part, bound]) => ({
      field: `${field}.${part}`,
      message: `expected a whole length of 0 or more, got ${bound}`,
    }))
}

function valueIssues(
  { values: _, ...rest }: ParameterSpec,
  values: readonly unknown[],
  field: string,
): InputIssue[] {
  if (values.length === 0) return [{ field, message: 'expected at least one value' }]
  return values.flatMap((value, index): InputIssue[] => {
    const issue = (message: string) => [
      { field: `${field}[${index}]`, message: `${message}, got ${preview(value, [])}` },
    ]
    if (!isJson(value)) return issue('expected a value that JSON can hold')
    if (!accepts(rest, value)) return issue(`expected ${describeSpec(rest)}`)
    const first = values.findIndex((one) => accepts({ values: [one] }, value))
    return first < index ? issue('expected each value once') : []
  })
}

/** NaN and Infinity would be read back as null. */
function isJson(value: unknown): boolean {
  const text: string | undefined = JSON.stringify(value)
  return text !== undefined && isDeepStrictEqual(JSON.parse(text), value)
}
