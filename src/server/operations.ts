import type {
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

/** Who asks, as far as a transport can tell. */
export interface Caller {
  /** The bearer token that was shown, if one was. */
  readonly token?: string | undefined
  /** For the audit log, such as `127.0.0.1`. */
  readonly from?: string | undefined
}

export interface RegisterInput {
  readonly face: Face
  readonly id: string
  readonly name: string
  readonly agentType: AgentType
  readonly mode: EntryMode
  readonly location: string
  readonly capabilities: readonly string[]
  readonly version: string
  readonly namespace: string
  readonly cluster: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly telemetry?: Telemetry | undefined
}

export interface Registered {
  readonly entry: Entry
  /** Random; proves later that a caller is who registered. Only its SHA-256 is kept. */
  readonly token: string
  /** False when the store has not confirmed it in time: it is registered, and may be lost in a crash until then. */
  readonly stored: boolean
}

export interface DiscoverInput {
  /** All of them are required. */
  readonly capabilities: readonly string[]
  readonly filters: Filters
  /** Most results; 0 means 5. */
  readonly maxResults: number
}

export interface MatchInput {
  readonly required: readonly string[]
  readonly optional: readonly string[]
}

export interface Match {
  readonly entry: Entry
  readonly score: number
  readonly required: readonly string[]
  readonly optional: readonly string[]
}

export interface CapabilityProviders {
  readonly capability: string
  readonly providers: readonly string[]
}

export interface Stats {
  readonly total: number
  readonly active: number
  readonly capabilities: number
  /** By `metadata.runtime`, else `unknown`. */
  readonly byRuntime: ReadonlyMap<string, number>
}

export interface Heartbeat {
  readonly status: EntryStatus
  /** Milliseconds since the epoch. */
  readonly lastSeenAt: number
}

export interface WatchInput {
  /** Changes after this number; those that are gone are told as `resync`. Default: from now on. */
  readonly after?: number | undefined
}

/** Votes on how well an agent does. */
export interface Reputation {
  readonly success: number
  readonly failure: number
  readonly warning: number
}

/** Between two entries that were told to have called each other. */
export interface Connection {
  readonly consumerId: string
  readonly providerId: string
  readonly capability: string
  readonly calls: number
  readonly avgLatencyMs: number
  readonly successRate: number
}

/**
 * Everything the server does, without a transport. A refusal is an `OperationError`, and changed nothing. Nothing
 * else is thrown on purpose. Ids are trimmed where they are given.
 */
export interface Operations {
  /** Throws where tokens are asked for and the caller shows none: such a one is not even told what is there. */
  admitCaller(caller: Caller): void
  /** Throws unless the caller may read. */
  admitReader(caller: Caller): void
  /** Registers, or overwrites what has this id. Resolves when the store has it, after 2 s at the latest. */
  register(input: RegisterInput, caller: Caller): Promise<Registered>
  /** A sign of life. Throws `not-found`; `invalid` for telemetry out of range. */
  heartbeat(id: string, telemetry: Telemetry | undefined, caller: Caller): Heartbeat
  /** False when there is none. */
  deregister(id: string, caller: Caller): boolean
  /**
   * Whether all changes so far would survive a crash: true as soon as the store has them, or when there is none; false
   * when it fails, or has not answered within 2 s.
   */
  stored(): Promise<boolean>
  get(id: string): Entry | undefined
  /**
   * In the order of registration; only those with a capability, if one is named. Throws `invalid` for an unknown status
   * or agent type.
   */
  list(filters?: Filters, capability?: string): readonly Entry[]
  /** Best first: 0.4 health + 0.3 reputation + 0.3 telemetry. Active ones, unless a status is asked for. */
  discover(input: DiscoverInput): readonly Entry[]
  /** Active ones that have all that is required, by how much of both lists they have. */
  match(input: MatchInput): readonly Match[]
  /** One of the active, in turn. Throws `not-found` or `unavailable`. */
  choose(capability: string): Entry
  /** Of the active. */
  capabilities(): readonly CapabilityProviders[]
  stats(): Stats
  /** Takes note of a call; it counts for the provider's reputation. */
  track(invocation: Invocation, caller: Caller): void
  /** Those this entry is part of, or all. */
  connections(id?: string): readonly Connection[]
  /** Adds votes. Throws `not-found`. */
  vote(id: string, votes: Reputation, caller: Caller): void
  /** Every change from now on, or from a number on, until the signal aborts. A reader that is too slow is thrown out. */
  watch(input: WatchInput, signal: AbortSignal): AsyncIterableIterator<Change>
  /** The number of the last change. */
  readonly position: number
  /**
   * Notices to this agent, while they are read. Throws `not-found`, also later when the agent is removed,
   * `unauthenticated` when it is registered anew with another token, and `rate-limited` when they are read too slowly.
   */
  notices(id: string, caller: Caller, signal: AbortSignal): AsyncIterableIterator<Notice>
  /** True when the agent has it. Throws `not-found`, or `unavailable` with the reason why it was not delivered. */
  notify(notice: Omit<Notice, 'at'>, caller: Caller): Promise<void>
}
