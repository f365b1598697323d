import { type Clock, later, settled } from '../core/clock.js'
import type { RedisClient } from './redis-client.js'

export interface LinkPorts {
  readonly clock: Clock
  readonly timeoutMs: number
  /** Gives a client that is this link's to close. */
  readonly open: () => RedisClient | Promise<RedisClient>
  /** Whether a process may end while an answer is due. */
  readonly idle: boolean
}

/**
 * A connection whose commands end in time, whatever the server does. One that failed is thrown away: the next command
 * connects anew, by Sentinel perhaps to another server.
 */
export class Link {
  readonly #ports: LinkPorts
  #opening: Promise<RedisClient> | undefined
  #client: RedisClient | undefined
  #isReady = false
  #lastError: Error | undefined

  constructor(ports: LinkPorts) {
    this.#ports = ports
  }

  /** `extraMs` is what the server itself may take. Rejects with an error that holds no arguments. */
  async call(command: string, args: readonly string[], extraMs = 0): Promise<unknown> {
    const client = await this.#ready()
    try {
      return await this.#within(client.call(command, ...args), extraMs)
    } catch (error) {
      if (!isReply(error)) this.close()
      throw this.#plain(error)
    }
  }

  close(): void {
    const client = this.#client
    this.#opening = undefined
    this.#client = undefined
    this.#isReady = false
    client?.disconnect()
  }

  #ready(): Promise<RedisClient> {
    if (this.#isReady && this.#client?.status !== 'ready') this.close()
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<RedisClient> {
    this.#lastError = undefined
    try {
      const client = await this.#ports.open()
      this.#client = client
      client.on('error', (error) => this.#noteError(error))
      await this.#within(untilReady(client), 0)
      this.#isReady = true
      unref(client)
      return client
    } catch (error) {
      this.close()
      throw this.#plain(error)
    }
  }

  /** A closed connection says only that; what closed it was said before. */
  #noteError(error: Error): void {
    this.#lastError = error
  }

  #plain(error: unknown): unknown {
    const closed = error instanceof Error && /closed|writeable/i.test(error.message)
    return withAdvice(withoutCommand((closed && this.#lastError) || error))
  }

  async #within<T>(answer: Promise<T>, extraMs: number): Promise<T> {
    const { clock, timeoutMs, idle } = this.#ports
    const ms = timeoutMs + extraMs
    const late = new Error(`Redis did not answer within ${ms} ms`)
    // A busy process may be late itself: what has arrived by then is read first.
    answer.catch(() => {}) // it may fail when nobody waits for it any more
    if (idle) {
      let stop = (): void => {}
      const waited = new Promise<never>((_, reject) => {
        stop = later(clock, ms, () => void settled().then(() => reject(late)))
      })
      return Promise.race([answer, waited]).finally(() => stop())
    }
    const done = new AbortController()
    const waited = clock.sleep(ms, done.signal).then(
      () => settled().then(() => Promise.reject(late)),
      () => new Promise<never>(() => {}),
    )
    return Promise.race([answer, waited]).finally(() => done.abort())
  }
}

/** A client may connect by itself or not; one that keeps no queue takes commands only when it is ready. */
async function untilReady(client: RedisClient): Promise<void> {
  const { status } = client
  if (status === 'wait' || status === 'end') await client.connect()
  else if (status !== 'ready')
    await new Promise<void>((resolve, reject) => {
      client.on('ready', resolve)
      client.on('end', () => reject(new Error('Connection is closed.')))
    })
}

/** The server has answered, so its connection is sound. One that became a replica is none to stay with. */
const isReply = (error: unknown): boolean =>
  error instanceof Error &&
  error.name === 'ReplyError' &&
  !/^(?:READONLY|UNBLOCKED)/.test(error.message)

/** A connection without anything to wait for keeps no process alive. */
function unref({ stream }: RedisClient & { readonly stream?: unknown }): void {
  if (typeof stream !== 'object' || stream === null || !('unref' in stream)) return
  if (typeof stream.unref === 'function') stream.unref()
}

/** Errors of the client hold their command, and so passwords and everything that was written. */
function withoutCommand(error: unknown): unknown {
  if (!(error instanceof Error) || !('command' in error)) return error
  const plain = new Error(error.message.slice(0, mostOfMessage))
  plain.name = error.name
  return plain
}

const mostOfMessage = 500

const advice: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start Redis, or give its address',
  ENOTFOUND: 'there is no such host; give the address of Redis',
  EAI_AGAIN: 'that name does not resolve now; check the network, or give an address',
  ETIMEDOUT: 'nobody answers there; check the address, the network and firewalls',
}

function withAdvice(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!(error instanceof Error) || !Object.hasOwn(advice, code)) return error
  return Object.assign(new Error(`${error.message}: ${advice[code]}`, { cause: error }), { code })
}
