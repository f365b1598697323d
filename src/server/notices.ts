import type { AddressPolicy } from '../core/address.js'
import type { Clock } from '../core/clock.js'
import { isSwitchgearError } from '../core/errors.js'
import { fetchAnswer } from '../core/http.js'
import type { Entry, Notice } from './entry.js'
import { below } from './location.js'
import { OperationError } from './operation-error.js'

/** Notices that wait for one reader. */
const mostWaiting = 100
const deliveryMs = 5_000

interface Reader {
  readonly waiting: Notice[]
  ended: boolean
  /** Why, unless whoever reads has ended it. */
  why: OperationError | undefined
  /** Throws when it may not go on. */
  readonly admit: () => void
  wake(): void
}

/** Brings messages to agents: over a stream they have opened, else to their endpoint. */
export class Notices {
  readonly #clock: Clock
  readonly #policy: AddressPolicy
  readonly #readers = new Map<string, Set<Reader>>()

  constructor(clock: Clock, policy: AddressPolicy) {
    this.#clock = clock
    this.#policy = policy
  }

  /**
   * Those to this agent from now on, until the signal aborts. Throws `rate-limited` when they are read too slowly, and
   * what `admit` throws at a review.
   */
  follow(id: string, signal: AbortSignal, admit: () => void): AsyncIterableIterator<Notice> {
    const reader: Reader = { waiting: [], ended: false, why: undefined, admit, wake: () => {} }
    const readers = this.#readers.get(id) ?? new Set()
    this.#readers.set(id, readers.add(reader))
    const stop = (): void => {
      readers.delete(reader)
      if (readers.size === 0 && this.#readers.get(id) === readers) this.#readers.delete(id)
      reader.ended = true
      reader.wake()
    }
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    const notices = read(reader)
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      next: () => notices.next(),
      async return() {
        signal.removeEventListener('abort', stop)
        stop()
        return notices.return(undefined)
      },
    }
  }

  /** There is another registration of this id, or none: ends who may not read its notices any more. */
  review(id: string): void {
    for (const reader of this.#readers.get(id) ?? []) {
      try {
        reader.admit()
      } catch (error) {
        if (!(error instanceof OperationError)) throw error
        end(reader, error)
      }
    }
  }

  /** Rejects with `unavailable` when nobody took it. */
  async deliver(notice: Notice, { location }: Entry): Promise<void> {
    if (this.#handOver(notice)) return
    if (location === '') throw undelivered(notice, 'it has no open stream and no endpoint')
    const url = endpoint(location)
    if (url === undefined) throw undelivered(notice, 'its endpoint is no URL of http or https')
    const status = await this.#post(url, notice)
    if (status < 200 || status > 299)
      throw undelivered(notice, `its endpoint answered with status ${status}`)
  }

  #handOver(notice: Notice): boolean {
    let taken = false
    for (const reader of this.#readers.get(notice.agentId) ?? []) {
      if (reader.ended) continue
      if (reader.waiting.length >= mostWaiting) end(reader, tooSlow)
      else {
        reader.waiting.push(notice)
        reader.wake()
        taken = true
      }
    }
    return taken
  }

  async #post(url: string, notice: Notice): Promise<number> {
    const { agentId, type, message, metadata } = notice
    try {
      const { status } = await fetchAnswer(url, {
        body: { agent_id: agentId, notification_type: type, message, metadata },
        timeoutMs: deliveryMs,
        wants: () => false,
        policy: this.#policy,
        clock: this.#clock,
      })
      return status
    } catch (error) {
      throw undelivered(notice, isSwitchgearError(error) ? error.message : 'it could not be sent')
    }
  }
}

function end(reader: Reader, why: OperationError): void {
  reader.ended = true
  reader.why ??= why
  reader.wake()
}

const tooSlow = new OperationError(
  'rate-limited',
  'READER_TOO_SLOW',
  'Notices came faster than they were read, and later ones were not delivered; listen again',
)

async function* read(reader: Reader): AsyncGenerator<Notice, undefined> {
  for (;;) {
    const notice = reader.waiting.shift()
    if (notice !== undefined) yield notice
    else if (reader.why !== undefined) throw reader.why
    else if (reader.ended) return undefined
    else
      await new Promise<void>((resolve) => {
        reader.wake = resolve
      })
  }
}

/** `worker-1:8000` means HTTP. */
function endpoint(location: string): string | undefined {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(location) ? location : `http://${location}`
  return URL.canParse(text) && /^https?:/i.test(text) ? below(text, '/_agent/notify') : undefined
}

const undelivered = ({ agentId }: Notice, why: string): OperationError =>
  new OperationError(
    'unavailable',
    'NOT_DELIVERED',
    `The notification was not delivered to '${agentId}': ${why}`,
  )
