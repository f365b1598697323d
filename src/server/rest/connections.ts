import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Who is connected, and who of them waits for an answer. */
export class Connections {
  /** As accepted; with TLS also those that still shake hands. */
  readonly #accepted = new Set<Socket>()
  /** Answers under way, by what they are sent over. */
  readonly #answers = new Map<Socket, number>()
  #closing = false
  #ended = (): void => {}

  accept(socket: Socket): void {
    this.#accepted.add(socket)
    socket.once('close', () => this.#accepted.delete(socket))
  }

  /** Until the response is sent, or its client has gone. */
  answer(socket: Socket, response: ServerResponse): void {
    const before = this.#answers.get(socket)
    if (before === undefined) socket.once('close', () => this.#end(socket))
    this.#answers.set(socket, (before ?? 0) + 1)
    response.once('close', () => this.#sent(socket))
  }

  /** Resolves when nobody waits for an answer; whoever has got it is hung up on. */
  async drain(): Promise<void> {
    this.#closing = true
    for (const [socket, answers] of this.#answers) if (answers === 0) socket.destroySoon()
    await new Promise<void>((resolve) => {
      this.#ended = resolve
      this.#tellEnded()
    })
  }

  cut(): void {
    for (const socket of this.#accepted) socket.destroy()
  }

  #sent(socket: Socket): void {
    const left = (this.#answers.get(socket) ?? 1) - 1
    if (!this.#answers.has(socket)) return // it is gone
    this.#answers.set(socket, left)
    if (this.#closing && left === 0) socket.destroySoon()
  }

  #end(socket: Socket): void {
    this.#answers.delete(socket)
    this.#tellEnded()
  }

  #tellEnded(): void {
    if (this.#closing && this.#answers.size === 0) this.#ended()
  }
}
