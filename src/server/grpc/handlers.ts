import type {
  DeregisterRequest,
  DeregisterResponse,
  DiscoverRequest,
  DiscoverResponse,
  GetAgentRequest,
  GetAgentResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  ListAgentsRequest,
  ListAgentsResponse,
  NotifyAgentRequest,
  NotifyAgentResponse,
  RegisterRequest,
  RegisterResponse,
} from '../../wire/proto/messages.js'
import { OperationError } from '../operation-error.js'
import type { Caller, Operations } from '../operations.js'
import { idFor, meantId } from './agent-id.js'
import type { Handler, Trailer } from './calls.js'
import { agentInfo, agentType, seconds, statusNumbers, telemetryOf, typeTest } from './translate.js'

/** The calls with one answer, without a transport. They throw what operations do. */
export interface Handlers {
  readonly Register: Handler<RegisterRequest, RegisterResponse>
  readonly Heartbeat: Handler<HeartbeatRequest, HeartbeatResponse>
  readonly Deregister: Handler<DeregisterRequest, DeregisterResponse>
  readonly DiscoverAgents: Handler<DiscoverRequest, DiscoverResponse>
  readonly GetAgent: Handler<GetAgentRequest, GetAgentResponse>
  readonly ListAgents: Handler<ListAgentsRequest, ListAgentsResponse>
  readonly NotifyAgent: Handler<NotifyAgentRequest, NotifyAgentResponse>
}

export function createHandlers(operations: Operations): Handlers {
  return {
    Register: (request, caller, trailer) => register(operations, request, caller, trailer),
    Heartbeat(request, caller) {
      operations.admitCaller(caller)
      const id = idIn(operations, request)
      if (operations.get(id) === undefined) throw unknownAgent(id)
      const said = operations.heartbeat(id, telemetryOf(request.telemetry), caller)
      return { status: statusNumbers[said.status], last_seen: seconds(said.lastSeenAt) }
    },
    async Deregister(request, caller, trailer) {
      operations.admitCaller(caller)
      const success = operations.deregister(idIn(operations, request), caller)
      if (success && !(await operations.stored())) trailer(...notStored)
      return { success }
    },
    DiscoverAgents({ capabilities, filters, max_results }, caller) {
      operations.admitReader(caller)
      const found = operations.discover({ capabilities, filters, maxResults: max_results })
      return { agents: found.map(agentInfo), ranked: true }
    },
    GetAgent(request, caller) {
      operations.admitReader(caller)
      const id = idIn(operations, request)
      const entry = operations.get(id)
      if (entry === undefined) throw unknownAgent(id)
      return { agent: agentInfo(entry) }
    },
    ListAgents({ agent_type, filters }, caller) {
      operations.admitReader(caller)
      const isWanted = typeTest(agent_type)
      return { agents: operations.list(filters).filter(isWanted).map(agentInfo) }
    },
    NotifyAgent: (request, caller) => notify(operations, request, caller),
  }
}

async function register(
  operations: Operations,
  request: RegisterRequest,
  caller: Caller,
  trailer: Trailer,
): Promise<RegisterResponse> {
  const { agent_type, capabilities, metadata, namespace, cluster, version, endpoint } = request
  const type = agentType(agent_type)
  if (capabilities.length === 0)
    throw new OperationError(
      'invalid',
      'MISSING_CAPABILITIES',
      'capabilities must name at least one thing that the agent can do',
    )
  const id = idFor(metadata, (one) => operations.get(one) !== undefined)
  const location = endpoint.trim() || metadata.endpoint?.trim() || ''
  const { entry, token, stored } = await operations.register(
    {
      face: 'grpc',
      id,
      name: metadata.name?.trim() || id,
      agentType: type,
      mode: 'grpc',
      location,
      capabilities,
      version: version || '1.0.0',
      namespace: namespace || 'default',
      cluster: cluster || 'local',
      metadata: location === '' ? metadata : { ...metadata, endpoint: location },
      telemetry: telemetryOf(request.telemetry),
    },
    caller,
  )
  if (!stored) trailer(...notStored)
  return {
    agent_id: entry.id,
    registration_token: token,
    registered_at: seconds(entry.registeredAt),
  }
}

/** It counts, but the store has yet to confirm it. The contract has no field for that. */
const notStored = ['x-switchgear-stored', 'false'] as const

/** What cannot be delivered is an answer, not a failed call; a wrong id or a missing token is one. */
async function notify(
  operations: Operations,
  request: NotifyAgentRequest,
  caller: Caller,
): Promise<NotifyAgentResponse> {
  operations.admitCaller(caller)
  const { notification_type: type, message, metadata } = request
  const agentId = idIn(operations, request)
  try {
    await operations.notify({ agentId, type: type || 'INFO', message, metadata }, caller)
    return { success: true, error: '' }
  } catch (error) {
    const isAnswer =
      error instanceof OperationError &&
      (error.kind === 'not-found' || error.kind === 'unavailable')
    if (isAnswer) return { success: false, error: error.message }
    throw error
  }
}

const idIn = (operations: Operations, { agent_id }: { readonly agent_id: string }): string =>
  meantId(agent_id, (id) => operations.get(id) !== undefined)

/** Agents of the Neural Hive-Mind register again when they read these Portuguese words. */
const unknownAgent = (id: string): OperationError =>
  new OperationError(
    'not-found',
    'AGENT_NOT_FOUND',
    `Agent ${id} not found (não encontrado): register it again`,
  )
