import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { Cause } from '../core/outcome.js'
import type { Random } from '../core/random.js'
import type { Source } from '../discovery/source.js'
import type { CapabilityDefinition } from '../model/definition.js'
import type { CheckOptions } from '../model/health.js'
import type { Migration } from '../model/migrations/migration.js'
import type { CircuitOptions, ProviderRecord } from '../model/provider.js'
import type { Store } from '../store/store.js'

/** What is true of every provider of a service. */
export interface ServiceOptions<T = unknown> {
  /** `llm` makes calls idempotent by default. A service named `llm` is of that kind by itself. */
  readonly kind?: string | undefined
  /** Whether calls may be repeated elsewhere after a failure that may have had an effect. */
  readonly idempotent?: boolean | undefined
  /** The same for single methods, by path, such as `chat.completions.create`. */
  readonly methods?:
    | Readonly<Record<string, { readonly idempotent?: boolean | undefined }>>
    | undefined
  /** Makes instances of providers that were read from a store or a snapshot, on first use. */
  readonly connect?: ((record: ProviderRecord, signal: AbortSignal) => T | Promise<T>) | undefined
  /** Used, unguarded, when nothing else is admissible and `allowStandIns` is true. */
  readonly standIn?: T | undefined
}

/** How providers are checked, unless their registration says otherwise. */
export interface HealthOptions extends CheckOptions {
  /** A verdict older than this is asked for anew by an asynchronous look-up. Default 5,000. */
  readonly maxAgeMs?: number | undefined
  /** Checks of the monitor at once. Default 32. */
  readonly concurrency?: number | undefined
  /** Whether providers are checked in the background from `start()` on. Default true. */
  readonly monitor?: boolean | undefined
}

export interface RegistryOptions<S extends object = Record<string, unknown>> {
  /** Services that `waitReady` and `missing` ask for. Default none. */
  readonly requiredServices?: readonly (keyof S & string)[] | undefined
  /** Defaults for every provider's circuit. */
  readonly circuit?: CircuitOptions | undefined
  readonly health?: HealthOptions | undefined
  readonly services?:
    | { readonly [K in keyof S & string]?: ServiceOptions<S[K]> | undefined }
    | undefined
  /** Whether stand-ins may be used at all. Default false. */
  readonly allowStandIns?: boolean | undefined
  /** Per service and 10 s: `perSecond` retries each second plus `ratio` of the calls. Default 10 and 0.2. */
  readonly retryBudget?:
    | { readonly ratio?: number | undefined; readonly perSecond?: number | undefined }
    | undefined
  /** Asked first what an error means; `undefined` leaves it to the built-in table. */
  readonly classify?: ((error: unknown) => Cause | undefined) | undefined
  /** What the names of capabilities mean. Default `standardCapabilities`; spread them to add your own. */
  readonly capabilities?: readonly CapabilityDefinition[] | undefined
  /** Remembers what is registered over restarts: read and followed from `start()` on. */
  readonly store?: Store | undefined
  /** Whether circuits that others open, close and probe in a shared store do so here, and pauses. Default false. */
  readonly shareCircuits?: boolean | undefined
  /** See providers and keep them up to date, from `start()` on. */
  readonly sources?: readonly Source[] | undefined
  readonly discovery?:
    | {
        /** A provider that its source sees no more is removed after so long. Default 60,000. */
        readonly graceMs?: number | undefined
        /** Without a good view for so long, all that a source gave is unhealthy. Default never. */
        readonly staleAfterMs?: number | undefined
      }
    | undefined
  /**
   * Read snapshots of schemas of your own; they go before the built-in ones. A `fileStore` reads its
   * file before the registry does: give them to both.
   */
  readonly migrations?: readonly Migration[] | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Silent by default. */
  readonly logger?: Logger | undefined
}
