import type { UntypedServiceImplementation } from '../../../core/grpc.js'
import type {
  ChooseRequest,
  DeregisterRequest,
  DeregisterResponse,
  GetRequest,
  HeartbeatsRequest,
  HeartbeatsResponse,
  ListRequest,
  Notice,
  NotifyResponse,
  Provider,
  Providers,
  RegisterRequest,
  RegisterResponse,
} from '../../../wire/proto/switchgear-messages.js'
import { hasAll } from '../../discovery.js'
import { OperationError } from '../../operation-error.js'
import type { Operations } from '../../operations.js'
import { answering, type Handler, type StreamCall, type Surroundings, streaming } from '../calls.js'
import { type Refusal, refusalOf } from '../refusal.js'
import { ChangeStreams } from './changes.js'
import { heartbeats } from './heartbeats.js'
import { listen } from './listen.js'
import { partsOf } from './parts.js'
import { registrationOf } from './register.js'
import { providerOf } from './translate.js'

/** `switchgear.v1.Registry`, as grpc-js calls it. `run` is random, and another one each time a server starts. */
export function ownService(surroundings: Surroundings, run: string): UntypedServiceImplementation {
  const { operations, logger } = surroundings
  const handlers = createHandlers(operations, (error) => refusalOf(error, 'Heartbeats', logger))
  const streams = new ChangeStreams(operations, run)
  return {
    Register: answering('Register', handlers.Register, surroundings),
    Heartbeats: answering('Heartbeats', handlers.Heartbeats, surroundings),
    Deregister: answering('Deregister', handlers.Deregister, surroundings),
    Get: answering('Get', handlers.Get, surroundings),
    Choose: answering('Choose', handlers.Choose, surroundings),
    Notify: answering('Notify', handlers.Notify, surroundings),
    List: streaming('List', listIn(operations), surroundings),
    Changes: streaming('Changes', streams.follow.bind(streams), surroundings),
    Listen: streaming('Listen', listen.bind(undefined, operations), surroundings),
  }
}

interface Handlers {
  readonly Register: Handler<RegisterRequest, RegisterResponse>
  readonly Heartbeats: Handler<HeartbeatsRequest, HeartbeatsResponse>
  readonly Deregister: Handler<DeregisterRequest, DeregisterResponse>
  readonly Get: Handler<GetRequest, Provider>
  readonly Choose: Handler<ChooseRequest, Provider>
  readonly Notify: Handler<Notice, NotifyResponse>
}

function createHandlers(operations: Operations, refused: (error: unknown) => Refusal): Handlers {
  return {
    async Register(request, caller) {
      const { entry, token, stored } = await operations.register(registrationOf(request), caller)
      const { id, registeredAt } = entry
      return { id, registration_token: token, registered_at: Math.trunc(registeredAt), stored }
    },
    Heartbeats: (request, caller) => heartbeats(operations, request, caller, refused),
    async Deregister({ id }, caller) {
      const success = operations.deregister(id, caller)
      return { success, stored: !success || (await operations.stored()) }
    },
    Get({ id }, caller) {
      operations.admitReader(caller)
      const entry = operations.get(id)
      if (entry === undefined)
        throw new OperationError('not-found', 'SERVICE_NOT_FOUND', 'Service not found')
      return providerOf(entry)
    },
    Choose({ capability }, caller) {
      operations.admitReader(caller)
      return providerOf(operations.choose(capability))
    },
    async Notify({ agent_id: agentId, type, message, metadata }, caller) {
      const notice = { agentId, type: type || 'INFO', message, metadata }
      await operations.notify(notice, caller)
      return { agent_id: agentId.trim() }
    },
  }
}

const listIn = (operations: Operations) =>
  function list(
    { filters, capabilities }: ListRequest,
    { caller }: StreamCall,
  ): AsyncGenerator<Providers, void> {
    operations.admitReader(caller)
    const wanted = new Set(capabilities)
    return inParts(operations.list(filters).filter((entry) => hasAll(entry, wanted)))
  }

async function* inParts(found: Parameters<typeof partsOf>[0]): AsyncGenerator<Providers, void> {
  for (const providers of partsOf(found)) yield { providers }
}
