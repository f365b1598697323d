import type { Answer, Backend } from './route.js'

const skill = {
  id: 'film-a-marsh',
  name: 'Film a marsh',
  description: 'Makes a film of a marsh',
  tags: ['film', 'marsh'],
  inputModes: ['text/plain'],
  outputModes: ['video/mp4'],
}

const common = {
  name: 'Marsh filmer',
  description: 'Films marshes',
  version: '4.5.6',
  capabilities: { streaming: true, pushNotifications: false },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [skill, { id: 'tell', name: 'Tell', tags: [] }],
}

const card = {
  ...common,
  supportedInterfaces: [
    { url: 'http://127.0.0.1:9/a2a', protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
  ],
  provider: { organization: 'Fen', url: 'http://127.0.0.1:9' },
  securitySchemes: {},
}

const card03 = {
  ...common,
  protocolVersion: '0.3.0',
  url: 'http://127.0.0.1:9/a2a',
  preferredTransport: 'JSONRPC',
}

const tag = '"marsh-1"'

/** Who has this card already is told that it is the same. */
const tagged =
  (json: unknown) =>
  ({ headers }: { headers: Readonly<Record<string, unknown>> }): Answer =>
    headers['if-none-match'] === tag
      ? { status: 304, headers: { ETag: tag } }
      : { json, headers: { ETag: tag, 'Cache-Control': 'public, max-age=60' } }

/** An A2A agent, 1.0. Variants: `v0.3`, and `v0.2`, whose card is where it was then. */
export const a2a: Backend = {
  routes: { 'GET /.well-known/agent-card.json': tagged(card) },
  variants: {
    'v0.3': { routes: { 'GET /.well-known/agent-card.json': tagged(card03) } },
    'v0.2': {
      routes: {
        'GET /.well-known/agent-card.json': { status: 404 },
        'GET /.well-known/agent.json': { json: { ...card03, protocolVersion: '0.2.5' } },
      },
    },
  },
}
