// Made by `npm run proto` from switchgear.proto; change that file instead.
// As they are read: what was not sent is there with its default, a message that was not sent is null.

export const Status = {
  STATUS_UNSPECIFIED: 0,
  HEALTHY: 1,
  UNHEALTHY: 2,
  DEGRADED: 3,
} as const

export interface Telemetry {
  readonly success_rate: number
  readonly avg_duration_ms: number
  readonly total_executions: number
  readonly failed_executions: number
  readonly last_execution_at: number
}

export interface Provider {
  readonly id: string
  readonly name: string
  readonly service: string
  readonly version: string
  readonly capabilities: readonly string[]
  readonly location: string
  readonly mode: string
  readonly status: number
  readonly metadata: string
  readonly registered_at: number
  readonly last_seen: number
  readonly agent_type: string
  readonly namespace: string
  readonly cluster: string
  readonly telemetry: Telemetry | null
}

export interface RegisterRequest {
  readonly id: string
  readonly name: string
  readonly capabilities: readonly string[]
  readonly location: string
  readonly mode: string
  readonly version: string
  readonly metadata: string
}

export interface RegisterResponse {
  readonly id: string
  readonly registration_token: string
  readonly registered_at: number
  readonly stored: boolean
}

export interface HeartbeatsRequest {
  readonly heartbeats: readonly Heartbeat[]
}

export interface Heartbeat {
  readonly id: string
  readonly telemetry: Telemetry | null
  readonly registration_token: string
}

export interface HeartbeatsResponse {
  readonly results: readonly HeartbeatResult[]
}

export interface HeartbeatResult {
  readonly id: string
  readonly code: number
  readonly error: string
  readonly status: number
  readonly last_seen: number
}

export interface DeregisterRequest {
  readonly id: string
}

export interface DeregisterResponse {
  readonly success: boolean
  readonly stored: boolean
}

export interface GetRequest {
  readonly id: string
}

export interface ListRequest {
  readonly filters: Readonly<Record<string, string>>
  readonly capabilities: readonly string[]
}

export interface Providers {
  readonly providers: readonly Provider[]
}

export interface ChooseRequest {
  readonly capability: string
}

export interface ChangesRequest {
  readonly position: string
  readonly heartbeats: boolean
}

export const Type = {
  TYPE_UNSPECIFIED: 0,
  SNAPSHOT: 1,
  SYNCED: 2,
  REGISTERED: 3,
  UPDATED: 4,
  STATUS_CHANGED: 5,
  DEREGISTERED: 6,
  POSITION: 7,
} as const

export interface Change {
  readonly type: number
  readonly provider: Provider | null
  readonly providers: readonly Provider[]
  readonly position: string
  readonly at: number
}

export interface ListenRequest {
  readonly agent_id: string
}

export interface Notice {
  readonly agent_id: string
  readonly type: string
  readonly message: string
  readonly metadata: Readonly<Record<string, string>>
  readonly at: number
}

export interface NotifyResponse {
  readonly agent_id: string
}
