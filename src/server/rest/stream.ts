import type { Clock } from '../../core/clock.js'

export interface Message {
  readonly id?: string
  readonly data: unknown
}

export interface StreamTerms {
  readonly clock: Clock
  /** Ends the stream, and what it reads from. */
  readonly ended: AbortController
  /** Ends the connection: of a client that reads nothing, nothing else would. */
  hangUp(): void
}

const keepAliveMs = 15_000
/** A client that takes nothing for so many of them is gone, or might as well be. */
const mostUnread = 4

const encoder = new TextEncoder()

const frames = new WeakMap<Message, Uint8Array>()

/** Of a message that many read, the same bytes. */
function frame(message: Message): Uint8Array {
  const { id, data } = message
  const line = id === undefined ? '' : `id: ${id}\n`
  const bytes = frames.get(message) ?? encoder.encode(`${line}data: ${JSON.stringify(data)}\n\n`)
  frames.set(message, bytes)
  return bytes
}

/**
 * Server-sent events, read only as fast as the client takes them. A client that cannot keep up is disconnected: it
 * sees the end, and comes back with its last id.
 */
export function eventStream(
  messages: AsyncIterator<Message>,
  { clock, ended, hangUp }: StreamTerms,
): ReadableStream<Uint8Array> {
  let stopKeepAlive = (): void => {}
  const end = (): void => {
    stopKeepAlive()
    ended.abort(new Error('the stream has ended'))
    void messages.return?.()
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      let unread = 0
      const close = (): void => {
        stopKeepAlive()
        try {
          controller.close()
        } catch {
          // it was closed already
        }
      }
      ended.signal.addEventListener('abort', close, { once: true })
      stopKeepAlive = clock.every(keepAliveMs, () => {
        unread = (controller.desiredSize ?? 0) > 0 ? 0 : unread + 1
        if (unread >= mostUnread) {
          end()
          hangUp()
        } else if (unread === 0) controller.enqueue(encoder.encode(': keep-alive\n\n'))
      })
    },
    async pull(controller) {
      try {
        const { done, value } = await messages.next()
        if (ended.signal.aborted) return
        if (done) end()
        else controller.enqueue(frame(value))
      } catch {
        end() // it was too slow; its next connection says from where on
      }
    },
    cancel: end,
  })
}
