import { type Fields, field, isObject, nameOf } from '../../core/foreign.js'
import type { Asking } from '../scan/asking.js'
import { send } from './mcp-message.js'

/** A tool of an MCP server, as its list tells. */
export interface ToolSummary {
  readonly name: string
  readonly title?: string
  /** Its first line. */
  readonly description?: string
}

/** An MCP server that has greeted us. */
export interface McpServer {
  readonly name: string | undefined
  readonly title: string | undefined
  readonly version: string | undefined
  /** The version of MCP that is spoken with it. */
  readonly protocol: string
  readonly has: Fields
  /** All its tools, page by page; `undefined` when it does not list them. */
  tools(): Promise<readonly ToolSummary[] | undefined>
}

interface Greeting extends Omit<McpServer, 'tools'> {
  /** For all that is asked from now on. */
  readonly headers: Readonly<Record<string, string>>
  readonly params: Readonly<Record<string, unknown>>
  /** Whether the server keeps something until we say goodbye. */
  readonly isOpen: boolean
}

const us = { name: 'switchgear', version: '1.0.0' }
const stateless = '2026-07-28'
const withSessions = '2025-11-25'

/**
 * Greets an MCP server, does something with it, and leaves nothing open there. `visit` tells apart visits to the same
 * server, since no question is put twice. `undefined` when it is no MCP server.
 */
export async function visitMcp<T>(
  asking: Asking,
  path: string,
  visit: string,
  use: (server: McpServer) => T | Promise<T>,
): Promise<T | undefined> {
  const greeting = (await discover(asking, path)) ?? (await initialize(asking, path, visit))
  if (greeting === undefined) return undefined
  const { headers, params, isOpen, ...server } = greeting
  try {
    const list = { asking, path, headers, params, visit }
    return await use({ ...server, tools: () => allTools(list) })
  } finally {
    if (isOpen) await asking.delete(path, headers)
  }
}

/** Newer servers tell everything at once, and keep nothing. Older ones do not know the question. */
async function discover(asking: Asking, path: string): Promise<Greeting | undefined> {
  const aboutUs = (protocol: string) => ({
    'io.modelcontextprotocol/protocolVersion': protocol,
    'io.modelcontextprotocol/clientInfo': us,
    'io.modelcontextprotocol/clientCapabilities': {},
  })
  const question = {
    id: 'discover',
    method: 'server/discover',
    params: { _meta: aboutUs(stateless) },
  }
  const headers = { 'mcp-protocol-version': stateless, 'mcp-method': 'server/discover' }
  const { result } = await send(asking, path, question, headers)
  const versions = field(result, 'supportedVersions')
  const has = field(result, 'capabilities')
  if (!Array.isArray(versions) || !isObject(has)) return undefined
  const protocol = versions.includes(stateless) ? stateless : nameOf(versions[0])
  if (protocol === undefined) return undefined
  return {
    ...identity(field(result, '_meta', 'io.modelcontextprotocol/serverInfo')),
    protocol,
    has,
    headers: { 'mcp-protocol-version': protocol },
    params: { _meta: aboutUs(protocol) },
    isOpen: false,
  }
}

async function initialize(
  asking: Asking,
  path: string,
  visit: string,
): Promise<Greeting | undefined> {
  const params = { protocolVersion: withSessions, capabilities: {}, clientInfo: us }
  const { reply, result } = await send(
    asking,
    path,
    { id: `${visit}-initialize`, method: 'initialize', params },
    {},
  )
  const protocol = nameOf(field(result, 'protocolVersion'))
  const has = field(result, 'capabilities')
  const session = reply.headers['mcp-session-id']
  if (protocol === undefined || !isObject(has) || !isObject(field(result, 'serverInfo'))) {
    if (session !== undefined) await asking.delete(path, { 'mcp-session-id': session })
    return undefined
  }
  const headers = {
    'mcp-protocol-version': protocol,
    ...(session !== undefined && { 'mcp-session-id': session }),
  }
  await send(asking, path, { method: 'notifications/initialized' }, headers)
  const isOpen = session !== undefined
  return { ...identity(field(result, 'serverInfo')), protocol, has, headers, params: {}, isOpen }
}

const identity = (info: unknown) => ({
  name: nameOf(field(info, 'name')),
  title: nameOf(field(info, 'title')),
  version: nameOf(field(info, 'version')),
})

interface List extends Pick<Greeting, 'headers' | 'params'> {
  readonly asking: Asking
  readonly path: string
  readonly visit: string
}

const mostPages = 50
const mostTools = 1_000

async function allTools({ asking, path, headers, params, visit }: List) {
  const tools = new Map<string, ToolSummary>()
  let cursor: string | undefined
  for (let page = 1; page <= mostPages && tools.size < mostTools; page += 1) {
    const { result } = await send(
      asking,
      path,
      {
        id: `${visit}-tools-${page}`,
        method: 'tools/list',
        params: { ...params, ...(cursor !== undefined && { cursor }) },
      },
      { ...headers, 'mcp-method': 'tools/list' },
    )
    const rows = field(result, 'tools')
    if (!Array.isArray(rows)) return page === 1 ? undefined : [...tools.values()]
    for (const tool of rows.slice(0, mostTools).flatMap(toTool)) tools.set(tool.name, tool)
    const next = field(result, 'nextCursor')
    if (typeof next !== 'string' || next === '' || next === cursor) break
    cursor = next
  }
  return [...tools.values()]
}

function toTool(row: unknown): readonly ToolSummary[] {
  const name = nameOf(field(row, 'name'))
  if (name === undefined) return []
  const title = nameOf(field(row, 'title'))
  const text = field(row, 'description')
  const description =
    typeof text === 'string'
      ? nameOf(text.slice(0, 2_000).trim().split('\n')[0]?.slice(0, 300))
      : undefined
  return [{ name, ...(title && { title }), ...(description && { description }) }]
}
