import type { AddressPolicy } from '../../core/address.js'
import type { Fields } from '../../core/foreign.js'
import { isObject } from '../../core/foreign.js'
import type { EntryMode, Invocation, Telemetry } from '../entry.js'
import { checkForm } from '../location.js'
import { OperationError } from '../operation-error.js'
import type { MatchInput, RegisterInput } from '../operations.js'

const refused = (code: string, text: string): OperationError =>
  new OperationError('invalid', code, text)

const own = (body: Fields, key: string): unknown =>
  Object.hasOwn(body, key) ? body[key] : undefined

const isTexts = (list: readonly unknown[]): list is readonly string[] =>
  list.every((one) => typeof one === 'string')

const restModes: readonly EntryMode[] = ['http', 'embedded', 'standalone']

const hasLocation = (mode: unknown): boolean => mode !== 'embedded' && mode !== 'standalone'

/** The body of a registration. Looks no name up. Rejects with the first text of the list that applies. */
export async function readRegistration(
  body: unknown,
  policy: AddressPolicy,
): Promise<RegisterInput> {
  if (!isObject(body) || Object.keys(body).length === 0)
    throw refused('INVALID_JSON', 'Invalid JSON payload')
  const mode = own(body, 'mode')
  for (const key of ['id', 'name', 'capabilities', 'location', 'mode'])
    if (!Object.hasOwn(body, key) && (key !== 'location' || hasLocation(mode)))
      throw refused('MISSING_FIELDS', 'Missing required fields')
  const id = readText(body, 'id')
  const name = readText(body, 'name')
  const capabilities = own(body, 'capabilities')
  if (!Array.isArray(capabilities))
    throw refused('INVALID_CAPABILITIES', 'capabilities must be a list')
  if (!isTexts(capabilities))
    throw refused('INVALID_CAPABILITIES', 'All capabilities must be strings')
  const location = readLocation(own(body, 'location'), mode)
  if (hasLocation(mode)) await checkForm(location, policy)
  const known = restModes.find((one) => one === mode)
  if (known === undefined)
    throw refused('INVALID_MODE', `mode must be one of: ${restModes.join(', ')}`)
  return {
    face: 'rest',
    id,
    name,
    agentType: 'unspecified',
    mode: known,
    location,
    capabilities,
    version: readVersion(own(body, 'version')),
    namespace: 'default',
    cluster: 'local',
    metadata: readMetadata(own(body, 'metadata')),
  }
}

function readText(body: Fields, key: 'id' | 'name'): string {
  const value = own(body, key)
  if (typeof value === 'string' && value.trim() !== '') return value
  throw refused(`INVALID_${key.toUpperCase()}`, `${key} must be a non-empty string`)
}

function readLocation(location: unknown, mode: unknown): string {
  if (!hasLocation(mode) && (location === undefined || location === null)) return ''
  if (typeof location === 'string' && (location.trim() !== '' || !hasLocation(mode)))
    return location.trim()
  throw refused('INVALID_LOCATION', 'location must be a non-empty string')
}

function readVersion(version: unknown): string {
  if (version === undefined || version === null) return '1.0.0'
  if (typeof version === 'string') return version
  throw refused('INVALID_VERSION', 'version must be a string')
}

function readMetadata(metadata: unknown): Fields {
  if (metadata === undefined || metadata === null) return {}
  if (isObject(metadata)) return metadata
  throw refused('INVALID_METADATA', 'metadata must be an object')
}

/** What comes with a sign of life; mostly nothing. */
export function readBeat(body: unknown): Telemetry | undefined {
  if (body === undefined) return undefined
  if (!isObject(body)) throw refused('INVALID_JSON', 'Invalid JSON payload')
  const said = own(body, 'telemetry') ?? undefined
  if (said === undefined) return undefined
  if (!isObject(said)) throw refused('INVALID_TELEMETRY', 'telemetry must be an object')
  const isDated = (own(said, 'last_execution_at') ?? undefined) !== undefined
  return {
    successRate: readFigure(said, 'success_rate', 1),
    avgDurationMs: readFigure(said, 'avg_duration_ms'),
    totalExecutions: readFigure(said, 'total_executions'),
    failedExecutions: readFigure(said, 'failed_executions'),
    lastExecutionAt: isDated ? readFigure(said, 'last_execution_at') : 0,
  }
}

/** None of them has a default: a rate that was forgotten is no rate of 0. */
function readFigure(telemetry: Fields, key: string, most = Number.MAX_VALUE): number {
  const value = own(telemetry, key)
  if (typeof value === 'number' && value >= 0 && value <= most) return value
  const range = most === 1 ? 'from 0 to 1' : 'of 0 or more'
  throw refused('INVALID_TELEMETRY', `telemetry.${key} must be a number ${range}`)
}

/** What a discovery asks for; nothing matches all. */
export function readMatch(body: unknown): MatchInput {
  if (body === undefined) return { required: [], optional: [] }
  if (!isObject(body)) throw refused('INVALID_JSON', 'Invalid JSON payload')
  return {
    required: readTexts(own(body, 'capabilities'), 'capabilities', 'required'),
    optional: readTexts(own(body, 'optional'), 'optional', 'optional'),
  }
}

function readTexts(list: unknown, key: string, kind: string): readonly string[] {
  if (list === undefined || list === null) return []
  if (!Array.isArray(list)) throw refused('INVALID_CAPABILITIES', `${key} must be a list`)
  if (isTexts(list)) return list
  throw refused('INVALID_CAPABILITIES', `All ${kind} capabilities must be strings`)
}

export function readInvocation(body: unknown): Invocation {
  if (!isObject(body) || Object.keys(body).length === 0)
    throw refused('INVALID_JSON', 'Invalid JSON payload')
  const keys = ['consumer_id', 'provider_id', 'capability', 'success']
  if (keys.some((key) => !Object.hasOwn(body, key)))
    throw refused('MISSING_FIELDS', 'Missing required fields')
  const [consumerId, providerId, capability] = keys.slice(0, 3).map((key) => own(body, key))
  const success = own(body, 'success')
  const latencyMs = own(body, 'latency_ms') ?? 0
  if (
    typeof consumerId !== 'string' ||
    typeof providerId !== 'string' ||
    typeof capability !== 'string'
  )
    throw refused('INVALID_INVOCATION', 'consumer_id, provider_id and capability must be strings')
  if (typeof success !== 'boolean')
    throw refused('INVALID_INVOCATION', 'success must be true or false')
  if (typeof latencyMs !== 'number')
    throw refused('INVALID_INVOCATION', 'latency_ms must be a number of 0 or more')
  return { consumerId, providerId, capability, success, latencyMs }
}

export function readNotice(body: unknown): {
  readonly type: string
  readonly message: string
  readonly metadata: Readonly<Record<string, string>>
} {
  if (!isObject(body)) throw refused('INVALID_JSON', 'Invalid JSON payload')
  const type = own(body, 'type') ?? 'INFO'
  const message = own(body, 'message')
  const metadata = readMetadata(own(body, 'metadata'))
  if (typeof type !== 'string' || typeof message !== 'string')
    throw refused('INVALID_NOTICE', 'type and message must be strings')
  const texts: Record<string, string> = {}
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string')
      throw refused('INVALID_NOTICE', 'All values of metadata must be strings')
    Object.defineProperty(texts, key, { value, enumerable: true })
  }
  return { type, message, metadata: texts }
}
