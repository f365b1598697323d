import { type Route, routes } from './routes.js'

type Json = Readonly<Record<string, unknown>>

const always = [401, 403, 405, 413, 415, 429]

/** The REST face as an OpenAPI 3.1 document. */
export function openApi(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    const path = paths[route.path] ?? {}
    path[route.method.toLowerCase()] = describe(route)
    paths[route.path] = path
  }
  return {
    openapi: '3.1.0',
    info: { title: 'switchgear', version },
    paths,
    components: {
      schemas: { Error: errorSchema, Service: serviceSchema },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  }
}

function describe(route: Route): Json {
  const { operation, method, path, summary, access, query = [], statuses } = route
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const statusesOf = access === 'open' ? statuses : [...statuses, ...always]
  const parameter = (name: string, place: 'path' | 'query'): Json => ({
    name,
    in: place,
    required: place === 'path',
    schema: { type: 'string' },
  })
  return {
    operationId: path.startsWith('/api/unregister') ? `${operation}ByName` : operation,
    summary,
    ...(access !== 'open' && { security: [{ token: [] }, {}] }),
    parameters: [
      ...inPath.map((name) => parameter(name, 'path')),
      ...query.map((name) => parameter(name, 'query')),
    ],
    ...(method === 'POST' && {
      requestBody: {
        required: operation !== 'heartbeat' && operation !== 'beat',
        content: { 'application/json': { schema: bodies[operation] ?? { type: 'object' } } },
      },
    }),
    responses: Object.fromEntries(
      statusesOf.map((status) => [String(status), status < 400 ? answerOf(route) : errorAnswer]),
    ),
  }
}

const types = { json: 'application/json', events: 'text/event-stream', text: 'text/plain' } as const

const answerOf = ({ answer, operation }: Route): Json => ({
  description: answer === 'events' ? 'Server-sent events' : 'Done',
  content: {
    [types[answer]]: {
      schema: shown.has(operation)
        ? { $ref: '#/components/schemas/Service' }
        : { type: answer === 'json' ? 'object' : 'string' },
    },
  },
})

const shown: ReadonlySet<string> = new Set(['getService', 'locateCapability'])

const errorAnswer: Json = {
  description: 'Refused; nothing has changed',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
}

const text: Json = { type: 'string' }
const texts: Json = { type: 'array', items: text }
const mode: Json = { type: 'string', enum: ['http', 'embedded', 'standalone'] }

const errorSchema: Json = {
  type: 'object',
  required: ['error', 'code'],
  properties: { error: text, code: text },
}

const serviceSchema: Json = {
  type: 'object',
  properties: {
    id: text,
    name: text,
    service: text,
    version: text,
    capabilities: texts,
    location: text,
    mode: text,
    status: text,
    state: text,
    registered_at: { type: 'string', format: 'date-time' },
    last_seen: { type: 'string', format: 'date-time' },
    failed_checks: { type: 'integer' },
    metadata: { type: 'object' },
  },
}

const figure: Json = { type: 'number', minimum: 0 }
const beat: Json = {
  type: 'object',
  properties: {
    telemetry: {
      type: 'object',
      required: ['success_rate', 'avg_duration_ms', 'total_executions', 'failed_executions'],
      properties: {
        success_rate: { ...figure, maximum: 1 },
        avg_duration_ms: figure,
        total_executions: figure,
        failed_executions: figure,
        last_execution_at: figure,
      },
    },
  },
}

const bodies: Readonly<Record<string, Json>> = {
  register: {
    type: 'object',
    required: ['id', 'name', 'capabilities', 'mode'],
    properties: {
      id: { type: 'string', maxLength: 256 },
      name: text,
      version: { type: 'string', default: '1.0.0' },
      capabilities: texts,
      location: text,
      mode,
      metadata: { type: 'object' },
    },
  },
  heartbeat: beat,
  beat,
  discover: { type: 'object', properties: { capabilities: texts, optional: texts } },
  trackInvocation: {
    type: 'object',
    required: ['consumer_id', 'provider_id', 'capability', 'success'],
    properties: {
      consumer_id: text,
      provider_id: text,
      capability: text,
      success: { type: 'boolean' },
      latency_ms: { type: 'number', default: 0 },
    },
  },
  notify: {
    type: 'object',
    required: ['message'],
    properties: { type: text, message: text, metadata: { type: 'object' } },
  },
}
