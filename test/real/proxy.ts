import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What a proxy does to what passes through it. */
export type Trouble =
  | { readonly kind: 'none' }
  /** Connections stay, and nothing arrives any more. */
  | { readonly kind: 'drop'; readonly only?: 'requests' | 'answers' | undefined }
  /** Everything comes later, in order. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** A connection ends after so many bytes of answers, wherever that is. */
  | { readonly kind: 'cut'; readonly bytes: number }
  /** Connections are reset, new ones as well. */
  | { readonly kind: 'reset' }

/** In front of a server on 127.0.0.1. */
export interface TroubledProxy {
  readonly port: number
  /** Bytes that clients have sent so far, and how much of that has arrived. */
  readonly sent: number
  become(trouble: Trouble): void
  stop(): Promise<void>
}

export async function startProxy(target: number): Promise<TroubledProxy> {
  const state: State = { trouble: { kind: 'none' }, sent: 0 }
  const pairs = new Set<() => void>()
  const server = createServer({ allowHalfOpen: false }, (client) => {
    if (state.trouble.kind === 'reset') {
      client.resetAndDestroy()
      return
    }
    const reset = joined(client, connect(target, '127.0.0.1'), state)
    pairs.add(reset)
    client.on('close', () => pairs.delete(reset))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No port was given')
  const resetAll = (): void => {
    for (const reset of pairs) reset()
  }
  return {
    port: address.port,
    get sent() {
      return state.sent
    },
    become(trouble) {
      state.trouble = trouble
      if (trouble.kind === 'reset') resetAll()
    },
    async stop() {
      resetAll()
      server.close()
      await once(server, 'close')
    },
  }
}

interface State {
  trouble: Trouble
  sent: number
}

/** Hands on what one says to the other; the returned function resets both. */
function joined(client: Socket, server: Socket, state: State): () => void {
  const reset = (): void => {
    client.resetAndDestroy()
    server.destroy()
  }
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }
  let answered = 0
  const requests = inOrder(server)
  const answers = inOrder(client)
  client.on('data', (bytes) => {
    state.sent += bytes.length
    const { trouble } = state
    if (trouble.kind !== 'drop' || trouble.only === 'answers') requests(bytes, state)
  })
  server.on('data', (bytes) => {
    const { trouble } = state
    if (trouble.kind === 'drop' && trouble.only !== 'requests') return
    if (trouble.kind !== 'cut') return answers(bytes, state)
    const left = Math.max(0, trouble.bytes - answered)
    answered += bytes.length
    if (bytes.length <= left) return answers(bytes, state)
    client.write(bytes.subarray(0, left), reset)
  })
  return reset
}

/** Writes what it is given, later while that is the trouble. */
function inOrder(socket: Socket): (bytes: Buffer, state: State) => void {
  let before: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return (bytes, { trouble }) => {
    if (trouble.kind !== 'delay' && waiting === 0) {
      socket.write(bytes)
      return
    }
    waiting += 1
    const arrives = trouble.kind === 'delay' ? delay(trouble.ms) : undefined
    before = Promise.all([before, arrives]).then(() => {
      waiting -= 1
      if (!socket.destroyed) socket.write(bytes)
    })
  }
}
