import { createRequire } from 'node:module'
import { answers, type RealServer, startServer } from './server.js'

const require = createRequire(import.meta.url)

/** Portkey's gateway, without a provider behind it. It listens on all interfaces: it knows no other way. */
export function startPortkey(): Promise<RealServer> {
  const program = require.resolve('@portkey-ai/gateway/build/start-server.js')
  return startServer({
    name: "Portkey's gateway",
    command: process.execPath,
    args: (port) => [program, `--port=${port}`, '--headless'],
    isReady: answers('/'),
  })
}
