import type { Answer, Backend, Question } from './route.js'

/** Another one for each greeting, and not by counting: who asks the same is answered the same. */
const sessionOf = (id: unknown): string => `reed-${String(id)}`
const isSession = (id: unknown): boolean => String(id).startsWith('reed-')

const complaint = (code: number, message: string, status = 400): Answer => ({
  status,
  json: { jsonrpc: '2.0', error: { code, message }, id: null },
})

const noSession = complaint(-32_000, 'Bad Request: No valid session ID provided')

const has = { tools: { listChanged: true }, prompts: {}, resources: {}, logging: {} }
const info = { name: 'marsh-tools', title: 'Tools of the marsh', version: '2.3.0' }

/** Two pages of tools. */
function tools(cursor: unknown) {
  const next = { name: 'weigh', description: 'Weighs a thing.' }
  return cursor === 'second'
    ? { tools: [next] }
    : {
        tools: [
          { name: 'measure', title: 'Measure', description: 'Measures a thing.\nIn metres.' },
        ],
        nextCursor: 'second',
      }
}

const fieldOf = (json: unknown, key: string): unknown =>
  typeof json === 'object' && json !== null
    ? Object.entries(json).find(([name]) => name === key)?.[1]
    : undefined

/** An event without data first, so that a client can come back to it. */
const streamed = (json: unknown, headers: Answer['headers'] = {}): Answer => ({
  contentType: 'text/event-stream',
  headers,
  text: `id: 1\ndata: \n\nevent: message\nid: 2\ndata: ${JSON.stringify(json)}\n\n`,
})

const plain = (json: unknown): Answer => ({ json })

function resultOf({ json }: Question): unknown {
  const params = fieldOf(json, 'params')
  return tools(fieldOf(params, 'cursor'))
}

const reply = ({ json }: Question, result: unknown) => ({
  jsonrpc: '2.0',
  id: fieldOf(json, 'id'),
  result,
})

function withSessions(question: Question): Answer {
  const method = fieldOf(question.json, 'method')
  if (method === 'initialize')
    return streamed(
      reply(question, { protocolVersion: '2025-11-25', capabilities: has, serverInfo: info }),
      { 'Mcp-Session-Id': sessionOf(fieldOf(question.json, 'id')) },
    )
  if (!isSession(question.headers['mcp-session-id']))
    return complaint(-32_000, 'Bad Request: Server not initialized')
  if (method === 'notifications/initialized') return { status: 202 }
  return method === 'tools/list' ? streamed(reply(question, resultOf(question))) : noSession
}

function withoutSessions(question: Question): Answer {
  const method = fieldOf(question.json, 'method')
  if (method === 'server/discover')
    return plain(
      reply(question, {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities: has,
        _meta: { 'io.modelcontextprotocol/serverInfo': info },
      }),
    )
  return method === 'tools/list'
    ? plain(reply(question, resultOf(question)))
    : complaint(-32_601, 'Method not found', 404)
}

/**
 * An MCP server with sessions. Variants: `stateless` as of 2026-07-28, `locked` behind OAuth, and `post-only`, which
 * answers GET at /mcp as web frameworks do.
 */
export const mcp: Backend = {
  routes: {
    'GET /mcp': noSession,
    'POST /mcp': withSessions,
    'DELETE /mcp': ({ headers }) => ({ status: isSession(headers['mcp-session-id']) ? 200 : 400 }),
  },
  variants: {
    stateless: {
      routes: {
        'GET /mcp': complaint(-32_000, 'Method not allowed.', 405),
        'POST /mcp': withoutSessions,
      },
    },
    'post-only': { routes: { 'GET /mcp': { status: 405, headers: { Allow: 'POST, DELETE' } } } },
    locked: {
      routes: {
        'GET /mcp': {
          status: 401,
          headers: {
            'WWW-Authenticate':
              'Bearer resource_metadata="http://127.0.0.1/.well-known/oauth-protected-resource/mcp"',
          },
        },
      },
    },
  },
}
