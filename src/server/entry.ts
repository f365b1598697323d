/** Which face of the server a registration came in by. */
export type Face = 'rest' | 'grpc'

/** `unspecified` for all that came in over REST. */
export type AgentType = 'unspecified' | 'worker' | 'scout' | 'guard' | 'analyst'

export type EntryMode = 'http' | 'embedded' | 'standalone' | 'grpc'

/** `healthy` and `degraded` are active, `unhealthy` is inactive. */
export type EntryStatus = 'healthy' | 'degraded' | 'unhealthy'

/** What an agent says of its own work. All of them are 0 or more; the rate is at most 1. */
export interface Telemetry {
  readonly successRate: number
  readonly avgDurationMs: number
  readonly totalExecutions: number
  readonly failedExecutions: number
  /** As the agent counts it: seconds or milliseconds since the epoch. */
  readonly lastExecutionAt: number
}

/** One registration, as every face of the server shows it. Frozen. */
export interface Entry {
  readonly id: string
  /** A display text; need not be unique. */
  readonly name: string
  /** The service its provider is registered for. */
  readonly service: string
  readonly face: Face
  readonly agentType: AgentType
  readonly mode: EntryMode
  /** As it was given: a URL for mode `http`, any text for others; an agent's `metadata.endpoint`. */
  readonly location: string
  readonly capabilities: readonly string[]
  readonly version: string
  readonly namespace: string
  readonly cluster: string
  /** Without what the server keeps there for itself, and with secrets hidden. */
  readonly metadata: Readonly<Record<string, unknown>>
  readonly telemetry: Telemetry | undefined
  readonly status: EntryStatus
  /** Health checks failed in a row, as counted by this server. */
  readonly failedChecks: number
  /** Milliseconds since the epoch. */
  readonly registeredAt: number
  /** Milliseconds since the epoch: the last registration, heartbeat or passed check. */
  readonly lastSeenAt: number
}

/**
 * What is asked of entries. `namespace`, `cluster`, `version`, `agent_type`, `security_level` and `status` are
 * understood; another key means that the metadata's value, as a text, is equal.
 */
export type Filters = Readonly<Record<string, string>>

/** One thing that happened. Numbered without gaps by the server that tells it. */
export type Change = {
  readonly seq: number
  /** Milliseconds since the epoch. */
  readonly at: number
} & (
  | { readonly type: 'registered' | 'deregistered'; readonly entry: Entry }
  | {
      readonly type: 'updated'
      readonly entry: Entry
      /** A sign of life, or other facts. */
      readonly cause: 'heartbeat' | 'facts'
    }
  | {
      readonly type: 'status-changed'
      readonly entry: Entry
      readonly previous: EntryStatus
    }
  | { readonly type: 'invoked'; readonly invocation: Invocation }
  /** Changes were missed, such as before a restart: look at the whole list again. */
  | { readonly type: 'resync' }
)

/** One call of a consumer to a provider, as somebody told it. */
export interface Invocation {
  readonly consumerId: string
  readonly providerId: string
  readonly capability: string
  readonly success: boolean
  readonly latencyMs: number
}

/** A message to an agent. */
export interface Notice {
  readonly agentId: string
  readonly type: string
  readonly message: string
  readonly metadata: Readonly<Record<string, string>>
  /** Milliseconds since the epoch. */
  readonly at: number
}
