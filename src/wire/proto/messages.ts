// Made by `npm run proto` from service_registry.proto; change that file instead.
// As they are read: what was not sent is there with its default, a message that was not sent is null.

export const AgentType = {
  AGENT_TYPE_UNSPECIFIED: 0,
  WORKER: 1,
  SCOUT: 2,
  GUARD: 3,
  ANALYST: 4,
} as const

export const AgentStatus = {
  AGENT_STATUS_UNSPECIFIED: 0,
  HEALTHY: 1,
  UNHEALTHY: 2,
  DEGRADED: 3,
} as const

export interface AgentTelemetry {
  readonly success_rate: number
  readonly avg_duration_ms: number
  readonly total_executions: number
  readonly failed_executions: number
  readonly last_execution_at: number
}

export interface AgentInfo {
  readonly agent_id: string
  readonly agent_type: number
  readonly capabilities: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly telemetry: AgentTelemetry | null
  readonly status: number
  readonly registered_at: number
  readonly last_seen: number
  readonly namespace: string
  readonly cluster: string
  readonly version: string
  readonly schema_version: number
  readonly endpoint: string
}

export interface RegisterRequest {
  readonly agent_type: number
  readonly capabilities: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly namespace: string
  readonly cluster: string
  readonly version: string
  readonly telemetry: AgentTelemetry | null
  readonly endpoint: string
}

export interface RegisterResponse {
  readonly agent_id: string
  readonly registration_token: string
  readonly registered_at: number
}

export interface HeartbeatRequest {
  readonly agent_id: string
  readonly telemetry: AgentTelemetry | null
}

export interface HeartbeatResponse {
  readonly status: number
  readonly last_seen: number
}

export interface DeregisterRequest {
  readonly agent_id: string
}

export interface DeregisterResponse {
  readonly success: boolean
}

export interface DiscoverRequest {
  readonly capabilities: readonly string[]
  readonly filters: Readonly<Record<string, string>>
  readonly max_results: number
}

export interface DiscoverResponse {
  readonly agents: readonly AgentInfo[]
  readonly ranked: boolean
}

export interface GetAgentRequest {
  readonly agent_id: string
}

export interface GetAgentResponse {
  readonly agent: AgentInfo | null
}

export interface ListAgentsRequest {
  readonly agent_type: number
  readonly filters: Readonly<Record<string, string>>
}

export interface ListAgentsResponse {
  readonly agents: readonly AgentInfo[]
}

export interface WatchAgentsRequest {
  readonly agent_type: number
}

export const EventType = {
  EVENT_TYPE_UNSPECIFIED: 0,
  REGISTERED: 1,
  UPDATED: 2,
  DEREGISTERED: 3,
  STATUS_CHANGED: 4,
} as const

export interface AgentChangeEvent {
  readonly event_type: number
  readonly agent: AgentInfo | null
  readonly timestamp: number
}

export interface NotifyAgentRequest {
  readonly agent_id: string
  readonly notification_type: string
  readonly message: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface NotifyAgentResponse {
  readonly success: boolean
  readonly error: string
}
