import { z } from 'zod'
import { type InputIssue, InvalidRequestError } from '../../core/errors.js'
import type { Capability } from '../capability.js'
import type { ParameterSpec } from '../parameter.js'
import { parse } from './read.js'
import {
  capabilityName,
  frozenCopy,
  longestText,
  mostItems,
  plainData,
  plainList,
  plainValue,
  text,
} from './words.js'

export const parameterSpec: z.ZodType<ParameterSpec> = z.strictObject({
  type: z.enum(['int', 'float', 'number', 'string', 'boolean', 'array', 'object']).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  values: plainList.optional(),
  items: z.lazy(() => parameterSpec).optional(),
  required: z.boolean().optional(),
  default: plainValue.optional(),
  description: z.string().max(longestText).optional(),
})

/** A capability as it is registered: `'chat'`, `'image@1.2'`, or the object form. */
export const capability: z.ZodType<string | Capability> = z.union(
  [
    text.refine((name) => !name.startsWith('@'), 'expected a name before the "@"'),
    z.strictObject({
      name: capabilityName,
      version: z.string().max(longestText).optional(),
      parameters: z.record(z.string(), parameterSpec).optional(),
      constraints: plainData.optional(),
    }),
  ],
  'expected a name, or { name, version?, parameters?, constraints? }',
)

export function toCapability(input: string | Capability): Capability {
  if (typeof input !== 'string') return frozenCopy(input)
  const at = input.indexOf('@')
  return Object.freeze(
    at < 1 ? { name: input } : { name: input.slice(0, at), version: input.slice(at + 1) },
  )
}

const invalidCapability = (issues: readonly InputIssue[]): Error =>
  new InvalidRequestError(issues, 'capability')

/** Throws `InvalidRequestError`. */
export const parseCapability = (input: unknown): Capability =>
  toCapability(parse(capability, input, invalidCapability))

const capabilities = z.array(capability).max(mostItems)

/** One or a list of them. Throws `InvalidRequestError`. */
export const parseCapabilities = (input: unknown): readonly Capability[] =>
  Array.isArray(input)
    ? parse(capabilities, input, invalidCapability).map(toCapability)
    : [parseCapability(input)]
