import { pause, systemClock } from '../../core/clock.js'
import type { Probe } from '../../model/provider.js'
import type { Sighting } from '../../model/sighting.js'
import { connectMcp } from '../connect/mcp.js'
import { describeMcp } from '../fingerprints/mcp.js'
import { type McpServer, visitMcp } from '../fingerprints/mcp-session.js'
import type { Source } from '../source.js'
import {
  headersWith,
  missing,
  type Place,
  type ProgramOptions,
  placesOf,
  questionsTo,
} from './program-at.js'

export interface McpOptions extends ProgramOptions {
  /** Of its streamable HTTP transport. Without a path, `/mcp` is added. */
  readonly url: string
  /** What the server is a provider of. Default `tools`. */
  readonly service?: string | undefined
}

/**
 * An MCP server as one provider, `mcp@<host>:<port>`. It can do what the server declares: `tool_use`, `prompts`,
 * `resources`, `completions`; its tools are in `metadata.tools`, by name. Each time it is asked, a session is begun and
 * ended; newer servers need none.
 *
 * Throws `InvalidOptionsError`.
 */
export function mcp(options: McpOptions): Source {
  const [place] = placesOf('mcp', options, { url: options.url })
  const at = place.path === '' ? { ...place, path: '/mcp' } : place
  const { clock = systemClock, everyMs = 30_000, key, policy } = options
  const connect = connectMcp({ headers: headersWith(key), policy })
  const probe: Probe = Object.freeze({
    name: 'mcp',
    check: (_: unknown, signal: AbortSignal) =>
      visit(at, options, signal, ({ version }) => ({ status: 'healthy', version }) as const),
  })
  const look = async (signal: AbortSignal): Promise<Sighting> => {
    const told = await visit(at, options, signal, describeMcp)
    return {
      name: `mcp@${place.name}`,
      service: options.service ?? 'tools',
      handler: options.handler,
      group: options.group,
      address: `${at.origin}${at.path}`,
      version: told.version,
      apiVersion: told.apiVersion,
      capabilities: told.capabilities,
      metadata: { ...told.metadata, kind: 'mcp', protocol: 'mcp' },
      health: 'healthy',
      connect,
      probe,
    }
  }
  return {
    name: options.name ?? `mcp:${place.name}`,
    async *watch(signal) {
      while (!signal.aborted) {
        const sighting = await look(signal).catch((error: unknown) => {
          if (!signal.aborted) throw error
        })
        if (signal.aborted || sighting === undefined) return
        yield [sighting]
        await pause(clock, everyMs, signal)
      }
    },
  }
}

async function visit<T>(
  at: Place,
  options: McpOptions,
  signal: AbortSignal,
  use: (server: McpServer) => T | Promise<T>,
): Promise<T> {
  const asking = questionsTo(at, options, signal)
  const seen = await visitMcp(asking, at.path, 'watch', use)
  if (seen === undefined) throw missing(asking, at, 'MCP server')
  return seen
}
