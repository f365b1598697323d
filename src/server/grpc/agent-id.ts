import { createHash, randomUUID } from 'node:crypto'
import { OperationError } from '../operation-error.js'

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i

type IsKnown = (id: string) => boolean

/**
 * The id that a call means, trimmed, a UUID in lower case. Throws `invalid` for one that is neither a UUID nor the
 * id of something registered.
 */
export function meantId(given: string, isKnown: IsKnown): string {
  const id = given.trim()
  if (isKnown(id)) return id
  if (uuid.test(id)) return id.toLowerCase()
  throw new OperationError(
    'invalid',
    'INVALID_AGENT_ID',
    'agent_id must be a UUID, or the id of something that is registered',
  )
}

/**
 * The id of who registers. Who names itself in its metadata gets the same one each time, also after the server has
 * forgotten it: `agent_id` is taken as it is when it can be an id, other names are made into one.
 */
export function idFor(metadata: Readonly<Record<string, string>>, isKnown: IsKnown): string {
  const named = metadata.agent_id?.trim()
  if (named && isKnown(named)) return named
  if (named && uuid.test(named)) return named.toLowerCase()
  const key = named || metadata.idempotency_key?.trim()
  return key ? uuidOf(key) : randomUUID()
}

/** A UUID in the form of version 4 that nobody guesses who does not know the name. */
function uuidOf(name: string): string {
  const hex = createHash('sha256').update(`switchgear agent\n${name}`).digest('hex')
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16)
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`]
  return [...parts, `${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')
}
