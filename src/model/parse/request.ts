import { z } from 'zod'
import { type InputIssue, InvalidRequestError } from '../../core/errors.js'
import {
  type Definitions,
  parseRequirement,
  type Requirement,
  type RequirementInput,
} from '../capability.js'
import type { ServiceRequest } from '../request.js'
import { parse } from './read.js'
import { capabilityName, frozenCopy, longestText, mostItems, plainData, text } from './words.js'

const requirement = z
  .union(
    [
      z.string().max(longestText).min(1),
      z.strictObject({
        name: capabilityName,
        minVersion: z.string().optional(),
        range: z.string().optional(),
        parameters: plainData.optional(),
      }),
    ],
    'expected a capability such as "chat" or "image@>=1.2", or { name, minVersion?, range?, parameters? }',
  )
  .superRefine((value, context) => {
    const parsed = parseRequirement(value as RequirementInput)
    if ('problem' in parsed)
      context.addIssue({ code: 'custom', message: parsed.problem, input: value })
  })

const serviceRequest = z.strictObject({
  handler: text.optional(),
  requires: z.array(requirement).max(mostItems).optional(),
  fallbackToGlobal: z.boolean().optional(),
  where: plainData.optional(),
  key: z.string().max(longestText).optional(),
  tenant: z.string().max(longestText).optional(),
  exclude: z.array(z.string()).max(mostItems).optional(),
})

const serviceName = z.strictObject({ service: text })

/** Throws `InvalidRequestError`. Not on the hot path: a request that was seen before is known by its plan. */
export function checkRequest(service: unknown, request: unknown): void {
  const invalid = (issues: readonly InputIssue[]): Error => new InvalidRequestError(issues)
  parse(serviceName, { service }, invalid)
  parse(serviceRequest, request, invalid)
}

/** A request of one's own, which whoever made it cannot change any more. */
export const copyRequest = (request: ServiceRequest): ServiceRequest => frozenCopy(request)

/**
 * The requirements of a checked request: parsed, sorted, each once. `defined` says what is known of
 * parameters that a provider does not declare.
 */
export function toRequirements(
  inputs: readonly RequirementInput[],
  defined?: Definitions,
): readonly Requirement[] {
  const byKey = new Map<string, Requirement>()
  for (const input of inputs) {
    const parsed = parseRequirement(frozenCopy(input))
    if ('problem' in parsed)
      throw new InvalidRequestError([{ field: 'requires', message: parsed.problem }])
    byKey.set(parsed.key, parsed.parameters === undefined ? parsed : { ...parsed, defined })
  }
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}
