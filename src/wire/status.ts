/** Why an operation of the server was refused, whatever the transport. */
export type RefusalKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'too-large'
  | 'unsupported-type'
  | 'rate-limited'
  | 'unavailable'
  | 'internal'

interface Status {
  readonly http: number
  /** Of `google.rpc.Code`. */
  readonly grpc: number
}

/** How each kind is said over HTTP and over gRPC. */
export const statusOf: Readonly<Record<RefusalKind, Status>> = Object.freeze({
  invalid: { http: 400, grpc: 3 },
  unauthenticated: { http: 401, grpc: 16 },
  forbidden: { http: 403, grpc: 7 },
  'not-found': { http: 404, grpc: 5 },
  'method-not-allowed': { http: 405, grpc: 12 },
  'too-large': { http: 413, grpc: 8 },
  'unsupported-type': { http: 415, grpc: 3 },
  'rate-limited': { http: 429, grpc: 8 },
  unavailable: { http: 503, grpc: 14 },
  internal: { http: 500, grpc: 13 },
})
