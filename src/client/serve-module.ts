import { createServer, type Server } from 'node:http'
import { InvalidOptionsError, oneLine } from '../core/errors.js'
import { type ModuleOptions, moduleHandler } from './module-handler.js'
import { moduleListener } from './module-listener.js'
import type { AgentRecord } from './registration.js'
import type { RegistryClient } from './registry-client.js'

export interface ServeModuleOptions
  extends ModuleOptions,
    Pick<AgentRecord, 'id' | 'version' | 'metadata'> {
  /** Where it is registered, once it listens. */
  readonly registry: RegistryClient
  /** Default 0: any free port. */
  readonly port?: number | undefined
  /** Where it listens. Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** Under which others reach it, such as `http://10.0.0.7:8080`. Default `http://<host>:<port>`. */
  readonly location?: string | undefined
}

/** A module that listens and is registered. It keeps the process alive until it is closed. */
export interface ServedModule {
  readonly id: string
  /** The one it really has. */
  readonly port: number
  readonly location: string
  /** Deregisters first, so that nobody is sent here any more, then stops listening. */
  close(): Promise<void>
}

/**
 * Listens, and only then registers, under the port it really has.
 *
 * Rejects with `InvalidOptionsError` when it cannot listen, and with what the registry says; it then listens no more.
 */
export async function serveModule(options: ServeModuleOptions): Promise<ServedModule> {
  const { port: wanted = 0, host = '127.0.0.1', registry, id, version, metadata, name } = options
  const server = createServer(moduleListener(moduleHandler(options)))
  const port = await listen(server, wanted, host)
  const location = options.location ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const capabilities = Object.keys(options.capabilities)
  try {
    const record = { id, name, capabilities, location, version, metadata, mode: 'http' as const }
    const given = await registry.registerAgent(record)
    return Object.freeze<ServedModule>({
      id: given,
      port,
      location,
      async close() {
        try {
          await registry.deregisterAgent(given)
        } finally {
          await stop(server)
        }
      },
    })
  } catch (error) {
    await stop(server)
    throw error
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const refused = (error: unknown): void => {
      const message = `expected a port that is free on ${host}, and 0 finds one; ${port} is not (${oneLine(error)})`
      reject(new InvalidOptionsError([{ field: 'port', message }], 'module'))
    }
    server.once('error', refused)
    try {
      server.listen(port, host, () => {
        server.off('error', refused)
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    } catch (error) {
      refused(error)
    }
  })
}

/** What is under way may finish; idle connections are closed. */
function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
}
