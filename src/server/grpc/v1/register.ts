import { isObject } from '../../../core/foreign.js'
import type { RegisterRequest } from '../../../wire/proto/switchgear-messages.js'
import type { EntryMode } from '../../entry.js'
import { OperationError } from '../../operation-error.js'
import type { RegisterInput } from '../../operations.js'

const modes: readonly EntryMode[] = ['http', 'embedded', 'standalone']

/** A service, as over REST: so its lease begins with its first heartbeat. Throws `invalid`. */
export function registrationOf(request: RegisterRequest): RegisterInput {
  const { id, name, capabilities, version, location } = request
  if (name.trim() === '') throw refused('NAME', 'name must be a non-empty string')
  const usual = location.trim() === '' ? 'standalone' : 'http'
  const mode = modes.find((one) => one === (request.mode || usual))
  if (mode === undefined) throw refused('MODE', `mode must be one of: ${modes.join(', ')}`)
  if (mode === 'http' && location.trim() === '')
    throw refused('LOCATION', 'location must be a non-empty string')
  return {
    face: 'rest',
    id,
    name,
    agentType: 'unspecified',
    mode,
    location,
    capabilities,
    version: version || '1.0.0',
    namespace: 'default',
    cluster: 'local',
    metadata: metadataIn(request.metadata),
  }
}

function metadataIn(text: string): Readonly<Record<string, unknown>> {
  if (text === '') return {}
  const metadata = parsed(text)
  if (isObject(metadata)) return metadata
  throw refused('METADATA', 'metadata must be an object, as JSON')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const refused = (what: string, text: string): OperationError =>
  new OperationError('invalid', `INVALID_${what}`, text)
