import type { UntypedServiceImplementation } from '../../core/grpc.js'
import type { WatchAgentsRequest } from '../../wire/proto/messages.js'
import type { Operations } from '../operations.js'
import { answering, type StreamCall, type Surroundings, streaming } from './calls.js'
import { createHandlers } from './handlers.js'
import { watchAgents } from './watch.js'

/** `neural_hive.service_registry.ServiceRegistry`, as grpc-js calls it. */
export function agentService(surroundings: Surroundings): UntypedServiceImplementation {
  const { operations } = surroundings
  const unary = Object.entries(createHandlers(operations)).map(([name, handle]) => [
    name,
    answering(name, handle, surroundings),
  ])
  return {
    ...Object.fromEntries(unary),
    WatchAgents: streaming('WatchAgents', watchingIn(operations), surroundings),
  }
}

const watchingIn = (operations: Operations) => (request: WatchAgentsRequest, call: StreamCall) => {
  const { caller, signal } = call
  const snapshot = call.header('x-switchgear-snapshot')?.trim().toLowerCase() === 'true'
  return watchAgents(operations, request, { caller, snapshot, signal })
}
