import type { HttpError } from '../core/errors.js'
import type { Access } from './access.js'
import type { Asking } from './asking.js'
import type { News } from './news.js'
import type { RemoteRecord } from './record.js'
import type { SentTelemetry } from './telemetry.js'

/** As it is sent. */
export type RegistrationBody = Readonly<Record<string, unknown>> & { readonly id: string }

/** Where a stream of news was left. */
export interface Position {
  lastId: string | undefined
}

/** A sign of life of one registration. */
export interface Beat {
  readonly id: string
  readonly token: string | undefined
  readonly telemetry?: SentTelemetry | undefined
}

/** A message to an agent. */
export interface AgentNotice {
  /** Such as `INFO`. */
  readonly type: string
  readonly message: string
  readonly metadata: Readonly<Record<string, string>>
  /** When it was sent, in milliseconds since the epoch. */
  readonly at: number
}

/**
 * How a registry is spoken to. What is asked rejects with an `HttpError` that says what could not be done, and why;
 * `status` is that of a refusal, in numbers of HTTP.
 */
export interface Transport {
  readonly access: Access
  /** So many heartbeats go out in one question. */
  readonly mostBeats: number
  /** Gives the token of the registration, where there is one. */
  register(body: RegistrationBody, how?: Asking): Promise<string | undefined>
  /** What became of each: nothing, or why it was refused. Rejects when none of them arrived. */
  beat(beats: readonly Beat[], how?: Asking): Promise<readonly (HttpError | undefined)[]>
  /** False when it was not there. */
  deregister(id: string, how?: Asking): Promise<boolean>
  get(id: string, how?: Asking): Promise<RemoteRecord | undefined>
  /** In the order of registration. */
  list(how?: Asking & { readonly capability?: string }): Promise<readonly RemoteRecord[]>
  /** One of the active. */
  choose(capability: string, how?: Asking): Promise<RemoteRecord>
  /**
   * Everything a registry has, and then what becomes of it, for as long as one connection lasts; nothing is lost
   * between two connections. Throws only when nothing was to be had.
   */
  follow(position: Position, signal: AbortSignal): AsyncGenerator<News, void, undefined>
  /** From when `begun` is called on. Ends when the stream does. */
  notices(
    id: string,
    how: Asking & { readonly signal: AbortSignal },
    begun: () => void,
  ): AsyncGenerator<AgentNotice, void, undefined>
  notify(id: string, notice: Omit<AgentNotice, 'at'>, how?: Asking): Promise<void>
  /** Ends what is under way. */
  close(): void
}
