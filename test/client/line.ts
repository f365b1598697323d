import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** The way from a client to a server, which can be cut, led elsewhere, and frozen. */
export class Line {
  readonly #open = new Set<Socket>()
  readonly #server = createServer((near) => this.#join(near))
  #to: number | undefined
  #isFrozen = false

  static async to(port: number): Promise<Line> {
    const line = new Line()
    line.#to = port
    await new Promise<void>((resolve) => line.#server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      line.cut()
      line.#server.close()
    })
    return line
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get connections(): number {
    return this.#open.size / 2
  }

  /** Every connection ends at once; new ones lead to a port, or nowhere. */
  lead(port: number | undefined): void {
    this.#to = port
    this.cut()
  }

  cut(): void {
    for (const socket of this.#open) socket.destroy()
  }

  /** As a process that was stopped: it takes connections, and says nothing more. */
  freeze(): void {
    this.#isFrozen = true
    for (const socket of this.#open) socket.pause()
  }

  thaw(): void {
    this.#isFrozen = false
    for (const socket of this.#open) socket.resume()
  }

  #join(near: Socket): void {
    if (this.#to === undefined) {
      near.destroy()
      return
    }
    const far = connect(this.#to, '127.0.0.1')
    this.#pass(near, far)
    this.#pass(far, near)
  }

  #pass(one: Socket, other: Socket): void {
    this.#open.add(one)
    one.on('error', () => {})
    one.on('data', (bytes) => other.write(bytes))
    one.on('close', () => {
      this.#open.delete(one)
      other.destroy()
    })
    if (this.#isFrozen) one.pause()
  }
}
