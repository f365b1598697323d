export type {
  AgentType,
  Change,
  Entry,
  EntryMode,
  EntryStatus,
  Face,
  Filters,
  Invocation,
  Notice,
  Telemetry,
} from './entry.js'
export { OperationError } from './operation-error.js'
export type {
  Caller,
  CapabilityProviders,
  Connection,
  DiscoverInput,
  Heartbeat,
  Match,
  MatchInput,
  Operations,
  Registered,
  RegisterInput,
  Reputation,
  Stats,
  WatchInput,
} from './operations.js'
export type { GrpcFaceOptions, ServerOptions } from './options.js'
export { createServer, type RegistryServer } from './server.js'
export type { ServerTls } from './tls.js'
