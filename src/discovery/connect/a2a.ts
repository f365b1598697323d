import { randomUUID } from 'node:crypto'
import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { field, nameOf } from '../../core/foreign.js'
import { optionalPackage } from '../../core/optional-package.js'
import { ownWithSignal, signalAt, type TakesSignal } from '../../model/with-signal.js'
import { baseOf, type Connect, type ConnectOptions, headersFor } from './connect.js'
import { asked, askedEach, secretsIn } from './failure.js'
import { fetchFor } from './fetch.js'

/** As `@a2a-js/sdk` says it; its types fit. */
export type A2AMessage = Readonly<Record<string, unknown>>
/** Has an `id`, a `status` and `artifacts`. */
export type A2ATask = Readonly<Record<string, unknown>>
/** Has a `payload`, whose `$case` says which: `task`, `message`, `statusUpdate` or `artifactUpdate`. */
export type A2AEvent = Readonly<Record<string, unknown>>

export interface A2ACallOptions {
  readonly signal?: AbortSignal | undefined
}

/** An A2A agent. */
export interface A2ABackend {
  /** What the agent says about itself: `name`, `skills`, `capabilities`. */
  readonly card: Readonly<Record<string, unknown>>
  /**
   * Sends a text, or a whole message of the SDK, and waits for what comes of it: a message, or a task.
   *
   * Rejects with `BackendError`, whose `status` is 400 where the agent says that it cannot do that; with `HttpError`
   * when there is no answer, and with an `AbortError` when the signal aborts.
   */
  sendMessage(message: string | A2AMessage, options?: A2ACallOptions): Promise<A2AMessage | A2ATask>
  /** The same, as it goes. When the signal aborts, or its reader stops early, the task is cancelled. */
  streamMessage(message: string | A2AMessage, options?: A2ACallOptions): AsyncIterable<A2AEvent>
  getTask(id: string, options?: A2ACallOptions): Promise<A2ATask>
  cancelTask(id: string, options?: A2ACallOptions): Promise<A2ATask>
}

/**
 * Makes an `A2ABackend` of a record, by the official `@a2a-js/sdk` (1, installed by you), over JSON-RPC or HTTP, in
 * version 1.0 or 0.3 of the protocol. The card is asked for once. It may lead to another address, which has to pass
 * the policy and is sent none of the headers. Rejects with `MissingPeerError`.
 */
export function connectA2A(options: ConnectOptions = {}): Connect<A2ABackend> {
  const { policy = defaultAddressPolicy } = options
  return async (record, signal) => {
    const base = await baseOf(record, policy)
    const headers = headersFor(options.headers, record)
    const url = `${base.origin}${base.pathname}`
    const secrets = secretsIn(headers)
    return asked({ url, what: 'the agent card', signal, secrets }, async () => {
      const client = await open({ base, headers, policy, signal })
      return new Agent({ url, secrets }, client, cardOf(await client.getAgentCard()))
    })
  }
}

const load = () =>
  optionalPackage('connectA2A', '@a2a-js/sdk', '^1', () => import('@a2a-js/sdk/client'))
type Client = InstanceType<Awaited<ReturnType<typeof load>>['Client']>

async function open(at: {
  readonly base: URL
  readonly headers: Readonly<Record<string, string>>
  readonly policy: AddressPolicy
  readonly signal: AbortSignal
}): Promise<Client> {
  const { ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory, RestTransportFactory } =
    await load()
  // The SDK says the status of an answer in words alone.
  const refuses = (status: number): boolean => status >= 300 && status !== 400
  const fetchImpl = fetchFor({ ...at, refuses })
  const settings = { fetchImpl, legacyCompat: { enabled: true } }
  const cards: typeof fetch = (input, init) => fetchImpl(input, { ...init, signal: at.signal })
  const factory = new ClientFactory({
    transports: [new JsonRpcTransportFactory(settings), new RestTransportFactory(settings)],
    cardResolver: new DefaultAgentCardResolver({ ...settings, fetchImpl: cards }),
  })
  return factory.createFromUrl(at.base.origin, cardPath(at.base))
}

/** The address may be that of the card, or of what has it in the usual place. */
const cardPath = ({ pathname }: URL): string =>
  pathname.endsWith('.json')
    ? pathname
    : `${pathname.replace(/\/+$/, '')}/.well-known/agent-card.json`

const cardOf = (card: object): Readonly<Record<string, unknown>> => Object.freeze({ ...card })

class Agent implements A2ABackend, TakesSignal {
  readonly [ownWithSignal] = signalAt({
    sendMessage: 1,
    streamMessage: 1,
    getTask: 1,
    cancelTask: 1,
  })
  readonly card: Readonly<Record<string, unknown>>
  readonly #at: { readonly url: string; readonly secrets: readonly string[] }
  readonly #client: Client

  constructor(
    at: { readonly url: string; readonly secrets: readonly string[] },
    client: Client,
    card: Readonly<Record<string, unknown>>,
  ) {
    this.#at = at
    this.#client = client
    this.card = card
  }

  async sendMessage(
    message: string | A2AMessage,
    options: A2ACallOptions = {},
  ): Promise<A2AMessage | A2ATask> {
    return this.#call('the message', options, async (given) => ({
      ...(await this.#client.sendMessage(requestOf(message), given)),
    }))
  }

  async *streamMessage(
    message: string | A2AMessage,
    options: A2ACallOptions = {},
  ): AsyncGenerator<A2AEvent, void, undefined> {
    const ask = { ...this.#at, what: 'the message', signal: options.signal }
    let task: string | undefined
    let over = false
    try {
      const events = (): AsyncIterable<object> =>
        this.#client.sendMessageStream(requestOf(message), signalOf(options))
      for await (const event of askedEach(ask, events)) {
        task = taskIn(event) ?? task
        yield { ...event }
      }
      over = true
    } finally {
      if (!over && task !== undefined) this.cancelTask(task).catch(() => {}) // nobody waits for it any more
    }
  }

  async getTask(id: string, options: A2ACallOptions = {}): Promise<A2ATask> {
    return this.#call(`the task ${id}`, options, async (given) => ({
      ...(await this.#client.getTask({ tenant: '', id }, given)),
    }))
  }

  async cancelTask(id: string, options: A2ACallOptions = {}): Promise<A2ATask> {
    return this.#call(`the end of task ${id}`, options, async (given) => ({
      ...(await this.#client.cancelTask({ tenant: '', id, metadata: undefined }, given)),
    }))
  }

  #call<T>(
    what: string,
    options: A2ACallOptions,
    work: (given: { signal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    return asked({ ...this.#at, what, signal: options.signal }, () => work(signalOf(options)))
  }
}

const signalOf = ({ signal }: A2ACallOptions): { signal?: AbortSignal } =>
  signal === undefined ? {} : { signal }

type Request = Parameters<Client['sendMessage']>[0]

const user = 1

function requestOf(message: string | A2AMessage): Request {
  const whole =
    typeof message === 'string' ? textMessage(message) : { ...textMessage(), ...message }
  return { tenant: '', message: whole, configuration: undefined, metadata: undefined }
}

function textMessage(text?: string): NonNullable<Request['message']> {
  const part = { metadata: undefined, filename: '', mediaType: 'text/plain' }
  return {
    messageId: randomUUID(),
    contextId: '',
    taskId: '',
    role: user,
    parts: text === undefined ? [] : [{ ...part, content: { $case: 'text', value: text } }],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  }
}

/** Of the task that an event is about. */
function taskIn(event: unknown): string | undefined {
  const value = field(event, 'payload', 'value')
  const isTask = field(event, 'payload', '$case') === 'task'
  return nameOf(field(value, isTask ? 'id' : 'taskId'))
}
