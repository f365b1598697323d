import { connect, type Socket } from 'node:net'
import type { Clock } from '../../core/clock.js'
import { type Deadline, Deadlines } from '../../core/deadlines.js'

/** What is behind a port, as far as opening a connection tells. */
export type Knock = 'open' | 'refused' | 'unreachable' | 'timeout' | 'exhausted'

/** Opens connections and closes them again, without a word. One timer for all of them. */
export class Knocks {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #deadlines: Deadlines
  readonly #open = new Set<Attempt>()
  #stopped = false

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#deadlines = new Deadlines(clock)
  }

  /** Never rejects. */
  at(address: string, port: number): Promise<Knock> {
    if (this.#stopped) return Promise.resolve('timeout')
    return new Promise((resolve) => {
      const now = this.#clock.now()
      const attempt = new Attempt(
        connect({ host: address, port }),
        now + this.#timeoutMs,
        (end) => {
          this.#deadlines.remove(attempt)
          this.#open.delete(attempt)
          resolve(end)
        },
      )
      this.#open.add(attempt)
      this.#deadlines.add(attempt, now)
    })
  }

  /** Ends those under way, which then have timed out, and all that come. */
  stop(): void {
    this.#stopped = true
    for (const attempt of this.#open) attempt.expire()
    this.#deadlines.clear()
  }
}

/** What an error says about the port; `exhausted` when it is about this process. */
export function knockOf(code: string | undefined): Knock {
  if (code === 'ECONNREFUSED') return 'refused'
  return code === 'EMFILE' || code === 'ENFILE' ? 'exhausted' : 'unreachable'
}

class Attempt implements Deadline {
  readonly at: number
  slot = -1
  readonly #socket: Socket
  readonly #done: (end: Knock) => void

  constructor(socket: Socket, at: number, done: (end: Knock) => void) {
    this.at = at
    this.#socket = socket
    this.#done = done
    socket.once('connect', () => this.#end('open'))
    socket.on('error', ({ code }: NodeJS.ErrnoException) => this.#end(knockOf(code)))
  }

  expire(): void {
    this.#end('timeout')
  }

  #end(end: Knock): void {
    this.#socket.destroy()
    this.#done(end)
  }
}
