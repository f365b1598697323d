/** One route of the REST face. The document at `/openapi.json` and the server are both made from this list. */
export interface Route {
  readonly operation: Operation
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With `{name}` for what varies. */
  readonly path: string
  readonly summary: string
  /** `open` for everybody, `read` as reads are, `change` for who may change what it is about. */
  readonly access: 'open' | 'read' | 'change'
  readonly query?: readonly string[]
  /** Statuses besides those that every route may answer with. */
  readonly statuses: readonly number[]
  readonly answer: 'json' | 'events' | 'text'
}

export const operations = [
  'health',
  'metrics',
  'openapi',
  'register',
  'unregister',
  'listServices',
  'getService',
  'listCapabilities',
  'locateCapability',
  'heartbeat',
  'discover',
  'stats',
  'events',
  'trackInvocation',
  'connections',
  'graph',
  'listProviders',
  'getProvider',
  'choose',
  'beat',
  'changes',
  'notices',
  'notify',
] as const

export type Operation = (typeof operations)[number]

const read = { method: 'GET', access: 'read', answer: 'json' } as const
const change = { access: 'change', answer: 'json' } as const

export const routes: readonly Route[] = Object.freeze([
  {
    ...read,
    operation: 'health',
    path: '/health',
    access: 'open',
    summary: 'Whether the server is up',
    statuses: [200],
  },
  {
    ...read,
    operation: 'metrics',
    path: '/metrics',
    summary: 'Figures for Prometheus',
    statuses: [200],
    answer: 'text',
  },
  {
    ...read,
    operation: 'openapi',
    path: '/openapi.json',
    summary: 'This document',
    statuses: [200],
  },
  {
    ...change,
    operation: 'register',
    method: 'POST',
    path: '/api/register',
    summary: 'Registers a service, or overwrites it',
    statuses: [201, 400],
  },
  {
    ...change,
    operation: 'unregister',
    method: 'DELETE',
    path: '/api/services/{id}',
    summary: 'Removes a service',
    statuses: [200, 404],
  },
  {
    ...change,
    operation: 'unregister',
    method: 'DELETE',
    path: '/api/unregister/{id}',
    summary: 'Removes a service',
    statuses: [200, 404],
  },
  {
    ...read,
    operation: 'listServices',
    path: '/api/services',
    summary: 'Services, in the order of registration',
    query: ['status', 'capability'],
    statuses: [200, 400],
  },
  {
    ...read,
    operation: 'getService',
    path: '/api/services/{id}',
    summary: 'One service',
    statuses: [200, 404],
  },
  {
    ...read,
    operation: 'listCapabilities',
    path: '/api/capabilities',
    summary: 'What active services can do',
    statuses: [200],
  },
  {
    ...read,
    operation: 'locateCapability',
    path: '/api/capabilities/{name}',
    summary: 'One active service with this capability, each in turn',
    statuses: [200, 404, 503],
  },
  {
    ...change,
    operation: 'heartbeat',
    method: 'POST',
    path: '/api/heartbeat/{id}',
    summary: 'A sign of life, with telemetry if it likes',
    statuses: [200, 400, 404],
  },
  {
    ...read,
    operation: 'discover',
    method: 'POST',
    path: '/api/discover',
    summary: 'Active services that have all that is required, best first',
    statuses: [200, 400],
  },
  {
    ...read,
    operation: 'stats',
    path: '/api/stats',
    summary: 'How many there are of what',
    statuses: [200],
  },
  {
    ...read,
    operation: 'events',
    path: '/api/events',
    summary: 'Changes as they happen',
    statuses: [200],
    answer: 'events',
  },
  {
    ...change,
    operation: 'trackInvocation',
    method: 'POST',
    path: '/api/track/invocation',
    summary: 'Tells of a call of one service to another',
    statuses: [200, 400],
  },
  {
    ...read,
    operation: 'connections',
    path: '/api/connections/{id}',
    summary: 'Whom a service calls, and who calls it',
    statuses: [200, 404],
  },
  {
    ...read,
    operation: 'graph',
    path: '/api/graph',
    summary: 'All services, and who calls whom',
    statuses: [200],
  },
  {
    ...read,
    operation: 'listProviders',
    path: '/v1/providers',
    summary: 'Entries of every face; each query parameter is a filter',
    statuses: [200, 400],
  },
  {
    ...read,
    operation: 'getProvider',
    path: '/v1/providers/{id}',
    summary: 'One entry',
    statuses: [200, 404],
  },
  {
    ...read,
    operation: 'choose',
    path: '/v1/choose',
    summary: 'One active entry with this capability, each in turn',
    query: ['capability'],
    statuses: [200, 400, 404, 503],
  },
  {
    ...change,
    operation: 'beat',
    method: 'POST',
    path: '/v1/heartbeats/{id}',
    summary: 'A sign of life, and what became of the status',
    statuses: [200, 400, 404],
  },
  {
    ...read,
    operation: 'changes',
    path: '/v1/changes',
    summary: 'Changes as they happen, with their entries',
    statuses: [200],
    answer: 'events',
  },
  {
    ...change,
    operation: 'notices',
    path: '/v1/notices/{id}',
    method: 'GET',
    summary: 'Messages to this entry, while they are read',
    statuses: [200, 404],
    answer: 'events',
  },
  {
    ...change,
    operation: 'notify',
    method: 'POST',
    path: '/v1/notices/{id}',
    summary: 'Sends it a message, or says why it did not arrive',
    statuses: [200, 400, 404, 503],
  },
] satisfies readonly Route[])
