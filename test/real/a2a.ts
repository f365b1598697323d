import { join } from 'node:path'
import { root } from '../house/sources.js'
import { answers, type RealServer, startServer } from './server.js'

/** An agent written with the A2A SDK, test/real/a2a-agent.mjs, on 127.0.0.1 only. */
export function startA2aAgent(): Promise<RealServer> {
  return startServer({
    name: 'the A2A agent',
    command: process.execPath,
    args: () => [join(root, 'test/real/a2a-agent.mjs')],
    env: (port) => ({ PORT: String(port) }),
    isReady: answers('/.well-known/agent-card.json'),
  })
}
