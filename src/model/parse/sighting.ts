import { z } from 'zod'
import { InvalidRegistrationError } from '../../core/errors.js'
import type { Health } from '../health.js'
import { parse, preview } from './read.js'
import { type ParsedRegistration, parseWithoutInstance } from './registration.js'
import { text } from './words.js'

/** A sighting, checked. */
export interface ParsedSighting {
  readonly parsed: ParsedRegistration
  readonly health: Health | undefined
}

const own = z.object({
  name: text,
  health: z.enum(['healthy', 'degraded', 'unhealthy', 'loading', 'unknown']).optional(),
})

const invalid = (issues: InvalidRegistrationError['issues']): Error =>
  new InvalidRegistrationError(issues, 'sighting')

/** By the rules of a registration. Throws `InvalidRegistrationError`. */
export function parseSighting(input: unknown, origin: string): ParsedSighting {
  if (typeof input !== 'object' || input === null)
    throw invalid([{ field: '', message: `expected a sighting, got ${preview(input, [])}` }])
  const { name, health } = parse(own, input, invalid)
  const { health: _, ...rest } = input as Readonly<Record<string, unknown>>
  const parsed = parseWithoutInstance({ ...rest, name })
  return { parsed: { ...parsed, record: { ...parsed.record, origin } }, health }
}
