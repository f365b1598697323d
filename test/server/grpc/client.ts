import {
  ChannelCredentials,
  Client,
  type ClientReadableStream,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { type GrpcServerOptions, startGrpc } from '../../../src/server/grpc/server.js'
import { loadDefinition, ownServiceName, serviceName } from '../../../src/wire/proto/definition.js'
import type {
  AgentChangeEvent,
  DeregisterResponse,
  DiscoverResponse,
  GetAgentResponse,
  HeartbeatResponse,
  ListAgentsResponse,
  NotifyAgentResponse,
  RegisterResponse,
} from '../../../src/wire/proto/messages.js'
import type * as own from '../../../src/wire/proto/switchgear-messages.js'
import { operationsOf } from '../operations-of.js'

interface Answers {
  readonly Register: RegisterResponse
  readonly Heartbeat: HeartbeatResponse
  readonly Deregister: DeregisterResponse
  readonly DiscoverAgents: DiscoverResponse
  readonly GetAgent: GetAgentResponse
  readonly ListAgents: ListAgentsResponse
  readonly NotifyAgent: NotifyAgentResponse
}

interface OwnAnswers {
  readonly Register: own.RegisterResponse
  readonly Heartbeats: own.HeartbeatsResponse
  readonly Deregister: own.DeregisterResponse
  readonly Get: own.Provider
  readonly Choose: own.Provider
  readonly Notify: own.NotifyResponse
}

interface OwnStreams {
  readonly List: own.Providers
  readonly Changes: own.Change
  readonly Listen: own.Notice
}

type Headers = Readonly<Record<string, string>>

const definition = await loadDefinition()

function methodOf(name: string, service = serviceName) {
  const methods = Object.entries(definition[service] ?? {})
  for (const [known, method] of methods) if (known === name) return method
  throw new Error(`${service} has no method ${name}`)
}

function metadataOf(headers: Headers): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return metadata
}

/** What a stream has brought so far. */
export interface Watch<T = AgentChangeEvent> {
  /** Resolves when the server follows changes. */
  readonly begun: Promise<void>
  readonly ended: Promise<ServiceError | undefined>
  readonly events: readonly T[]
  /** Resolves when so many events have come in all; rejects when the stream ends before. */
  until(count: number): Promise<readonly T[]>
  pause(): void
  resume(): void
  cancel(): void
}

function promised<T>(): readonly [Promise<T>, (value: T) => void] {
  let settle = (_: T): void => {}
  const promise = new Promise<T>((resolve) => {
    settle = resolve
  })
  return [promise, settle]
}

/** A client that is made from the proto file, as clients of other languages are. */
export class AgentClient {
  readonly #client: Client

  constructor(address: string, credentials = ChannelCredentials.createInsecure(), options = {}) {
    this.#client = new Client(address, credentials, {
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    })
  }

  call<M extends keyof Answers>(
    name: M,
    message: object,
    headers: Headers = {},
  ): Promise<Answers[M]> {
    const { path, requestSerialize, responseDeserialize } = methodOf(name)
    const request = requestSerialize(message)
    return this.raw(path, request, responseDeserialize, headers) as Promise<Answers[M]>
  }

  /** What is told after the answer. */
  trailers(name: keyof Answers, message: object): Promise<Metadata> {
    const { path, requestSerialize, responseDeserialize } = methodOf(name)
    return new Promise((resolve, reject) => {
      const write = (bytes: Buffer): Buffer => bytes
      const request = requestSerialize(message)
      this.#client
        .makeUnaryRequest(path, write, responseDeserialize, request, new Metadata(), (error) => {
          if (error !== null) reject(error)
        })
        .on('status', ({ metadata }) => resolve(metadata))
    })
  }

  /** Rejects with what grpc-js says of the status: `code` and `details`. */
  raw<T>(
    path: string,
    request: Buffer,
    read: (bytes: Buffer) => T,
    headers: Headers = {},
  ): Promise<T> {
    const asIs = (bytes: Buffer): Buffer => bytes
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: T): void => {
        if (error === null && answer !== undefined) resolve(answer)
        else reject(error)
      }
      this.#client.makeUnaryRequest(path, asIs, read, request, metadataOf(headers), done)
    })
  }

  /** Of `switchgear.v1`. */
  own<M extends keyof OwnAnswers>(
    name: M,
    message: object,
    headers: Headers = {},
  ): Promise<OwnAnswers[M]> {
    const { path, requestSerialize, responseDeserialize } = methodOf(name, ownServiceName)
    const request = requestSerialize(message)
    return this.raw(path, request, responseDeserialize, headers) as Promise<OwnAnswers[M]>
  }

  /** Of `switchgear.v1`. */
  open<M extends keyof OwnStreams>(
    name: M,
    message: object = {},
    headers: Headers = {},
  ): Watch<OwnStreams[M]> {
    return this.#stream<OwnStreams[M]>(methodOf(name, ownServiceName), message, headers)
  }

  watch(message: object = {}, headers: Headers = {}): Watch {
    return this.#stream<AgentChangeEvent>(methodOf('WatchAgents'), message, headers)
  }

  #stream<T>(method: ReturnType<typeof methodOf>, message: object, headers: Headers): Watch<T> {
    const { path, requestSerialize, responseDeserialize } = method
    const stream: ClientReadableStream<object> = this.#client.makeServerStreamRequest(
      path,
      (bytes: Buffer) => bytes,
      responseDeserialize,
      requestSerialize(message),
      metadataOf(headers),
    )
    const events: T[] = []
    const [begun, begin] = promised<void>()
    const [ended, end] = promised<ServiceError | undefined>()
    let wake = (): void => {}
    stream.on('metadata', () => begin())
    stream.on('data', (event: T) => {
      events.push(event)
      wake()
    })
    stream.on('error', (error: ServiceError) => {
      begin()
      end(error)
    })
    stream.on('end', () => end(undefined))
    return {
      begun,
      ended,
      events,
      async until(count) {
        while (events.length < count) {
          const more = new Promise<'more'>((resolve) => {
            wake = () => resolve('more')
          })
          const what = await Promise.race([more, ended])
          if (what !== 'more') throw what ?? new Error('the stream ended')
        }
        return events
      },
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      cancel: () => stream.cancel(),
    }
  }

  close(): void {
    this.#client.close()
  }
}

/** Everything that a test has to end. */
export class Ends {
  readonly #all: (() => unknown)[] = []

  add(end: () => unknown): void {
    this.#all.push(end)
  }

  async now(): Promise<void> {
    for (const end of this.#all.splice(0).reverse()) await end()
  }
}

type Given = Parameters<typeof operationsOf>[0] & { readonly grpc?: GrpcServerOptions }

/** A server on a free port, over real operations with a clock that stands still, and a client of it. */
export async function serving(ends: Ends, { grpc = {}, ...given }: Given = {}) {
  const { clock, registry, operations } = operationsOf(given)
  const server = await startGrpc(operations, { port: 0, graceMs: 100, ...grpc })
  const address = server.url.replace(/^grpcs?:\/\//, '')
  const client = new AgentClient(address)
  ends.add(() => registry.close())
  ends.add(() => operations.close())
  ends.add(() => server.close())
  ends.add(() => client.close())
  return { clock, registry, operations, server, client, address }
}

/** `CODE details` of the refusal, or `done`. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'done'
  } catch (error) {
    const { code, details } = error as ServiceError
    return `${code} ${details}`
  }
}

export const worker = {
  agent_type: 1,
  capabilities: ['python'],
  metadata: { endpoint: 'worker-1:8000' },
}

export const working = (success_rate: number, total_executions = 100) => ({
  success_rate,
  avg_duration_ms: 150,
  total_executions,
})
