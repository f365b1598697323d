import { field } from '../../core/foreign.js'
import type { Asking, Reply } from '../scan/asking.js'
import type { Description, Fingerprint } from '../scan/fingerprint.js'
import { isMessage } from './mcp-message.js'
import { type McpServer, visitMcp } from './mcp-session.js'

const path = '/mcp'

/**
 * A server of the Model Context Protocol. It can only be asked by POST, so first a GET, which changes nothing anywhere,
 * has to sound like one; and it comes last, when everything else was ruled out.
 */
export const mcp: Fingerprint = {
  kind: 'mcp',
  title: 'MCP server',
  service: 'tools',
  protocol: 'mcp',
  ports: [],
  advice:
    'start it with its Streamable HTTP transport at /mcp, and say on which port; there is no usual one',

  async recognise(asking) {
    const hint = await asking.get(path)
    if (wantsToken(hint))
      return { evidence: `GET ${path} asks for a token`, needsCredentials: true }
    if (!(await soundsLikeMcp(asking, hint))) return undefined
    return visitMcp(asking, path, 'recognise', ({ name, protocol, version }) => ({
      evidence: `POST ${path} greets as ${name ?? 'a server'} with MCP ${protocol}`,
      version,
    }))
  },

  async describe(asking) {
    return (await visitMcp(asking, path, 'describe', describeMcp)) ?? {}
  },
}

/** In JSON-RPC, or by OAuth as MCP has it: the refusal names where to read who gives tokens. */
const wantsToken = ({ status, headers, json }: Reply): boolean =>
  status === 401 &&
  (isMessage(json) || /^bearer\b.*\bresource_metadata=/is.test(headers['www-authenticate'] ?? ''))

async function soundsLikeMcp(asking: Asking, { status, json, headers, text }: Reply) {
  if (status < 400 || status >= 500) return false
  if (isMessage(json) && field(json, 'error') !== undefined) return true
  if (text.slice(0, 500).includes('text/event-stream')) return true
  const takesPosts = status === 405 && /\bpost\b/i.test(headers.allow ?? '')
  // What takes posts at any path is somebody else, and does who knows what with them.
  return takesPosts && (await asking.get('/')).status !== 405
}

/** Abilities that a server declares, and how they are called here. */
const abilities: readonly (readonly [declared: string, capability: string])[] = [
  ['tools', 'tool_use'],
  ['prompts', 'prompts'],
  ['resources', 'resources'],
  ['completions', 'completions'],
]

export async function describeMcp(server: McpServer): Promise<Description> {
  const { has, name, protocol, title, version } = server
  const tools = field(has, 'tools') === undefined ? undefined : await server.tools()
  const declared = abilities.filter(([word]) => Object.hasOwn(has, word))
  const isEmpty = tools?.length === 0
  return {
    version,
    apiVersion: protocol,
    capabilities: declared
      .map(([, capability]) => capability)
      .filter((capability) => capability !== 'tool_use' || !isEmpty),
    metadata: { ...(name && { name }), ...(title && { title }), ...(tools && { tools }) },
  }
}
