import type { Cause } from '../core/outcome.js'
import type { Capability } from './capability.js'
import type { Health } from './health.js'
import type { Model } from './llm-model.js'
import type { ProviderView } from './provider.js'
import type { Refusal } from './refusal.js'

interface Stamped {
  /** When it happened, in milliseconds since the epoch. */
  readonly at: number
}

interface Placed extends Stamped {
  readonly provider: string
  readonly service: string
}

interface Called extends Placed {
  /** The method, such as `chat.completions.create`; `undefined` for functions given to `call`. */
  readonly method: string | undefined
  /** 1 for the first attempt of a logical call. */
  readonly attempt: number
}

/** Everything a registry tells. Narrow on `type`. */
export type RegistryEvent =
  | ({ readonly type: 'provider.added'; readonly view: ProviderView } & Placed)
  | ({
      readonly type: 'provider.changed'
      readonly view: ProviderView
      readonly previous: ProviderView
    } & Placed)
  | ({ readonly type: 'provider.removed'; readonly view: ProviderView } & Placed)
  | ({
      readonly type: 'provider.health-changed'
      readonly health: Health
      readonly previous: Health
    } & Placed)
  | ({
      readonly type: 'lease.renewed'
      /** Milliseconds since the epoch. */
      readonly expiresAt: number
      readonly facts: Readonly<Record<string, unknown>>
    } & Placed)
  | ({ readonly type: 'lease.expired' } & Placed)
  | ({ readonly type: 'capability.added'; readonly capability: Capability } & Placed)
  | ({ readonly type: 'capability.removed'; readonly capability: Capability } & Placed)
  | ({ readonly type: 'model.added'; readonly model: Model } & Stamped)
  | ({ readonly type: 'model.changed'; readonly model: Model; readonly previous: Model } & Stamped)
  | ({ readonly type: 'model.removed'; readonly model: Model } & Stamped)
  | ({
      readonly type: 'dependency.lost'
      /** As the provider declared it. */
      readonly dependency: string
      readonly reason: string
    } & Placed)
  | ({ readonly type: 'dependency.restored'; readonly dependency: string } & Placed)
  | ({
      readonly type: 'source.updated'
      readonly source: string
      /** Names of providers. */
      readonly added: readonly string[]
      readonly changed: readonly string[]
      /** Seen before and not now: unhealthy until they are seen again or removed. */
      readonly missing: readonly string[]
      readonly removed: readonly string[]
    } & Stamped)
  | ({
      readonly type: 'source.rejected'
      readonly source: string
      /** The name it was given, if it has one. */
      readonly sighting: string | undefined
      readonly error: unknown
    } & Stamped)
  | ({
      readonly type: 'source.failed'
      readonly source: string
      readonly error: unknown
      /** Until it is asked again. */
      readonly retryInMs: number
    } & Stamped)
  | ({
      readonly type: 'store.failed'
      readonly store: string
      readonly error: unknown
      /** Until it is tried again; `undefined` when it is not. */
      readonly retryInMs: number | undefined
    } & Stamped)
  | ({
      readonly type: 'circuit.opened'
      readonly reason: string
      /** Until the first probe; Infinity when isolated. */
      readonly retryAfterMs: number
    } & Placed)
  | ({ readonly type: 'circuit.half-opened' } & Placed)
  | ({ readonly type: 'circuit.closed' } & Placed)
  | ({ readonly type: 'call.succeeded'; readonly durationMs: number } & Called)
  | ({
      readonly type: 'call.failed'
      readonly durationMs: number
      readonly cause: Cause
      readonly error: unknown
      /** Why it was not tried again although the cause allows it. */
      readonly notRetried: NotRetried | undefined
    } & Called)
  | ({ readonly type: 'call.refused'; readonly refusal: Refusal } & Called)
  | ({
      readonly type: 'call.failed-over'
      readonly to: string
      readonly cause: Cause
    } & Called)
  | ({
      readonly type: 'stand-in.used'
      readonly service: string
      readonly method: string | undefined
    } & Stamped)
  | ({
      readonly type: 'listener.failed'
      readonly event: string
      readonly error: unknown
    } & Stamped)

export type NotRetried = 'not-idempotent' | 'retry-budget-spent' | 'attempts-spent' | 'no-time-left'

export type RegistryEventType = RegistryEvent['type']
export type RegistryEventOf<T extends RegistryEventType> = Extract<
  RegistryEvent,
  { readonly type: T }
>

const types: Readonly<Record<RegistryEventType, true>> = {
  'provider.added': true,
  'provider.changed': true,
  'provider.removed': true,
  'provider.health-changed': true,
  'lease.renewed': true,
  'lease.expired': true,
  'capability.added': true,
  'capability.removed': true,
  'model.added': true,
  'model.changed': true,
  'model.removed': true,
  'dependency.lost': true,
  'dependency.restored': true,
  'source.updated': true,
  'source.rejected': true,
  'source.failed': true,
  'store.failed': true,
  'circuit.opened': true,
  'circuit.half-opened': true,
  'circuit.closed': true,
  'call.succeeded': true,
  'call.failed': true,
  'call.refused': true,
  'call.failed-over': true,
  'stand-in.used': true,
  'listener.failed': true,
}

/** Every type there is: an event nobody emits would be waited for in vain. */
export const eventTypes = Object.keys(types) as readonly RegistryEventType[]
