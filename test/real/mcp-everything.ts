import { createRequire } from 'node:module'
import { answers, type RealServer, startServer } from './server.js'

const require = createRequire(import.meta.url)

/** The reference server of MCP, streamable HTTP at `/mcp`. It listens on all interfaces: it knows no other way. */
export function startMcpEverything(): Promise<RealServer> {
  const program = require.resolve('@modelcontextprotocol/server-everything/dist/index.js')
  return startServer({
    name: 'the MCP server "everything"',
    command: process.execPath,
    args: () => [program, 'streamableHttp'],
    env: (port) => ({ PORT: String(port) }),
    // Without a session it answers that there is none.
    isReady: answers('/mcp', 400),
  })
}
