import { createServer, type RequestListener } from 'node:http'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net'
import { onTestFinished } from 'vitest'

interface Running {
  readonly url: string
  readonly port: number
  /** Connections that were made, open or not. */
  readonly sockets: readonly Socket[]
  /** Resolves when the last open connection is closed. */
  allClosed(): Promise<void>
}

async function run(server: Server, host: string): Promise<Running> {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, resolve)
  })
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const closed = (socket: Socket): Promise<void> =>
    new Promise((resolve) => {
      if (socket.destroyed) resolve()
      else socket.once('close', () => resolve())
    })
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    sockets,
    async allClosed() {
      await Promise.all(sockets.map(closed))
    },
  }
}

/** A real HTTP server on a free port, until the test is over. */
export const serve = (answer: RequestListener, host = '127.0.0.1'): Promise<Running> =>
  run(createServer(answer), host)

/** A server that says what it likes. `answer` is called with the first bytes of each request. */
export const serveRaw = (answer: (socket: Socket, request: string) => void): Promise<Running> =>
  run(
    createTcpServer((socket) => {
      socket.on('data', (data) => answer(socket, String(data)))
    }),
    '127.0.0.1',
  )

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
}

/** A promise to be resolved by hand. */
export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
