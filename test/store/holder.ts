import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import type { RedisClient } from '../../src/store/redis.js'

/** Holds back what Redis has answered to some kinds of commands, until it is let go. */
export class Holder {
  readonly #port: number
  readonly #held = new Map<string, (() => void)[]>()

  constructor(port: number) {
    this.#port = port
  }

  held(command: string): number {
    return this.#held.get(command)?.length ?? 0
  }

  begin(command: string): void {
    this.#held.set(command, [])
  }

  letGo(command: string): void {
    const held = this.#held.get(command) ?? []
    this.#held.delete(command)
    for (const go of held) go()
  }

  client(real = new Redis(this.#port, '127.0.0.1')): RedisClient {
    onTestFinished(() => real.disconnect())
    return {
      get status() {
        return real.status
      },
      connect: () => real.connect(),
      disconnect: () => real.disconnect(),
      duplicate: () => this.client(real.duplicate()),
      on: (event: 'error' | 'ready' | 'end', listener: (error: Error) => void) =>
        real.on(event, listener),
      call: async (command, ...args) => {
        const answer = await real.call(command, ...args)
        const held = this.#held.get(command)
        if (held !== undefined) await new Promise<void>((go) => held.push(go))
        return answer
      },
    }
  }
}
