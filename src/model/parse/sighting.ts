import { z } from 'zod'
import { InvalidRegistrationError } from '../../core/errors.js'
import type { Health } from '../health.js'
import { healths } from '../health.js'
import type { ModelInput } from '../llm-model.js'
import { isProbe } from './health.js'
import { parseModelInputs } from './model.js'
import { parse, preview } from './read.js'
import { type ParsedRegistration, parseWithoutInstance } from './registration.js'
import { text } from './words.js'

/** A sighting, checked. */
export interface ParsedSighting {
  readonly parsed: ParsedRegistration
  readonly health: Health | undefined
  readonly catalogue: readonly ModelInput[]
}

const own = z.object({
  name: text,
  health: z.enum(healths).optional(),
  probe: isProbe.optional(),
  catalogue: z.array(z.unknown()).optional(),
})

const invalid = (issues: InvalidRegistrationError['issues']): Error =>
  new InvalidRegistrationError(issues, 'sighting')

/** By the rules of a registration. Throws `InvalidRegistrationError`. */
export function parseSighting(input: unknown, origin: string): ParsedSighting {
  if (typeof input !== 'object' || input === null)
    throw invalid([{ field: '', message: `expected a sighting, got ${preview(input, [])}` }])
  const { name, health, probe, catalogue = none } = parse(own, input, invalid)
  const { health: _, probe: __, catalogue: ___, ...rest } = input as Fields
  const parsed = parseWithoutInstance({ ...rest, name, ...(probe && { health: { probe } }) })
  return {
    parsed: { ...parsed, record: { ...parsed.record, origin } },
    health,
    catalogue: catalogue.length === 0 ? none : parseModelInputs(catalogue),
  }
}

type Fields = Readonly<Record<string, unknown>>
const none: readonly never[] = Object.freeze([])
