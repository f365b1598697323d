import type { Entry, EntryStatus, Filters } from './entry.js'
import { OperationError } from './operation-error.js'
import { agentTypes } from './registration.js'

type Test = (entry: Entry) => boolean

const statuses: Readonly<Record<string, readonly EntryStatus[]>> = {
  healthy: ['healthy'],
  degraded: ['degraded'],
  unhealthy: ['unhealthy'],
  active: ['healthy', 'degraded'],
  inactive: ['unhealthy'],
}

export const isActive = ({ status }: Entry): boolean => status !== 'unhealthy'

/** What the filters ask, as one question. Throws `invalid` for an unknown status or agent type. */
export function compileFilters(filters: Filters): Test {
  const tests = Object.entries(filters).map(([key, value]) => testOf(key, value))
  return (entry) => tests.every((test) => test(entry))
}

function testOf(key: string, value: string): Test {
  switch (key) {
    case 'namespace':
    case 'cluster':
    case 'version':
      return (entry) => entry[key] === value
    case 'agent_type':
      return agentTypeTest(value)
    case 'status':
      return statusTest(value)
    case 'security_level':
      return ({ metadata }) => textOf(own(metadata, key) ?? 'INTERNAL') === value
    default:
      return ({ metadata }) => textOf(own(metadata, key)) === value
  }
}

function agentTypeTest(value: string): Test {
  const wanted = agentTypes.find((one) => one === value.toLowerCase())
  if (wanted === undefined || wanted === 'unspecified')
    throw new OperationError(
      'invalid',
      'INVALID_AGENT_TYPE',
      `agent_type must be one of: ${agentTypes.slice(1).join(', ')}`,
    )
  return ({ agentType }) => agentType === wanted
}

function statusTest(value: string): Test {
  const word = value.toLowerCase()
  const wanted = Object.hasOwn(statuses, word) ? statuses[word] : undefined
  if (wanted === undefined)
    throw new OperationError(
      'invalid',
      'INVALID_STATUS',
      `status must be one of: ${Object.keys(statuses).join(', ')}`,
    )
  return ({ status }) => wanted.includes(status)
}

const own = (metadata: Entry['metadata'], key: string): unknown =>
  Object.hasOwn(metadata, key) ? metadata[key] : undefined

/** Over gRPC all metadata are texts. */
const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined
