import { InvalidRegistrationError } from '../core/errors.js'
import { parseRegistration } from '../model/parse/registration.js'
import type { Registration } from '../model/provider.js'
import { OperationError } from './operation-error.js'
import type { RegisterInput } from './operations.js'
import { type RegistrationFacts, registrationKey } from './registration.js'

/** Stores keep only providers that have an address. */
const nowhere = 'urn:switchgear:no-location'

/** What the registry is given for it. Throws `invalid` when the registry would not take it. */
export function toRegistration(
  id: string,
  input: RegisterInput,
  facts: RegistrationFacts,
): Registration<string, object> {
  const { capabilities, version, metadata, location } = input
  if (Object.hasOwn(metadata, registrationKey))
    throw new OperationError(
      'invalid',
      'INVALID_METADATA',
      `metadata must not have the key "${registrationKey}": the server keeps its own facts there`,
    )
  const registration = {
    name: id,
    service: serviceOf(input),
    provider: Object.freeze({}),
    capabilities: [...new Set(capabilities)],
    version,
    metadata: { ...metadata, [registrationKey]: { ...facts } },
    address: location === '' ? nowhere : location,
  }
  try {
    parseRegistration(registration)
  } catch (error) {
    if (!(error instanceof InvalidRegistrationError)) throw error
    throw new OperationError('invalid', 'INVALID_REGISTRATION', error.message)
  }
  return registration
}

function serviceOf({ face, metadata, agentType, name }: RegisterInput): string {
  const said = Object.hasOwn(metadata, 'service') ? metadata.service : undefined
  if (typeof said === 'string' && said.trim() !== '') return said.trim()
  return face === 'grpc' ? agentType : name.trim()
}
