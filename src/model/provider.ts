import type { Capability } from './capability.js'
import type { Check, CheckAnswer, CheckOptions, Health } from './health.js'
import type { ProviderLease } from './lease.js'
import type { PriorityLevel, PriorityName } from './priority.js'
import type { StrategyChoice } from './strategy.js'

/** The handler of a provider that every handler can see. */
export const everyHandler = '*'

/** One registered implementation of a service: frozen data, without the instance. */
export interface Provider {
  readonly name: string
  readonly service: string
  /** `['*']` for a global one. */
  readonly handlers: readonly string[]
  readonly priority: PriorityLevel
  readonly group: number
  readonly capabilities: readonly Capability[]
  readonly version: string | undefined
  readonly apiVersion: string | undefined
  readonly models: readonly string[]
  readonly dependencies: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly limits: Readonly<Record<string, unknown>> | undefined
  readonly weight: number
  readonly address: string | undefined
  readonly credential: string | undefined
  readonly requestsPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
  readonly concurrency: number | undefined
  readonly idempotent: boolean | undefined
  /** Who registered it: `manual`, or the name of a source. */
  readonly origin: string
}

/** When a circuit opens, how long it rests, and what it takes to close again. */
export interface CircuitSettings {
  /** Consecutive failures that open it. Default 5. */
  readonly failureThreshold: number
  /** How long an open circuit refuses. Default 60,000. */
  readonly recoveryTimeoutMs: number
  /** Successes in half-open that close it. Default 3. */
  readonly successThreshold: number
  /** How long one call may take; Infinity for no limit. Default 30,000. */
  readonly timeoutMs: number
  /** Probes admitted at once while half-open. Default 1. */
  readonly halfOpenPermits: number
  /** After this a probe that never settled counts as failed. Default `timeoutMs`, 30,000 when that is Infinity. */
  readonly probeLeaseMs: number
  /** Also opens when this share of the last `windowSize` calls failed. Off by default. */
  readonly errorRatio: number | undefined
  /** How many outcomes the ratio looks back on. Default 100. */
  readonly windowSize: number
  /** Outcomes needed before the ratio counts. Default 20. */
  readonly minimumCalls: number
  /** Lengthens the rest at each opening in a row. Off by default. */
  readonly backoff: CircuitBackoff | undefined
}

export interface CircuitBackoff {
  /** Each further opening rests so many times as long. Default 2. */
  readonly factor: number
  /** The longest rest. Default ten times `recoveryTimeoutMs`. */
  readonly maxMs: number
  /** Share of the rest that is left to chance, 0 to 1. Default 0.1. */
  readonly jitter: number
}

type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** Every field is optional; what is left out comes from the registry's options, then the defaults. */
export type CircuitOptions = Omit<Loose<CircuitSettings>, 'backoff'> & {
  readonly backoff?: Loose<CircuitBackoff> | undefined
}

export type CapabilityInput = string | Capability

/** What `connect` gets to know about the provider it makes an instance for. */
export type ProviderRecord = Provider

/** A way to ask a provider from outside whether it is well. It must cost nothing and change nothing. */
export interface Probe {
  /** Of the kind: `http`, `tcp`. */
  readonly name: string
  /** A throw is a no. The signal aborts when its time is up. */
  check(provider: ProviderRecord, signal: AbortSignal): CheckAnswer | Promise<CheckAnswer>
  /** The provider has left the registry: nothing of it need be kept. */
  forget?(provider: ProviderRecord): void
}

/** How to ask, by one of `check` and `probe`, and how often. What is left out is as the registry's. */
export interface RegistrationHealth extends CheckOptions {
  readonly check?: Check | undefined
  readonly probe?: Probe | undefined
}

/** Gives the call its abort signal: new arguments, or the same to leave the call alone. */
export type WithSignal = (
  method: string,
  args: readonly unknown[],
  signal: AbortSignal,
) => readonly unknown[]

interface RegistrationFields {
  /** Unique in the registry. Generated (`<class or service>-<n>`) when left out. */
  readonly name?: string | undefined
  /** Who sees it; left out, or `'*'`, means everyone. */
  readonly handler?: string | readonly string[] | undefined
  /** Default `normal`. */
  readonly priority?: PriorityName | PriorityLevel | undefined
  /** Groups are tried in ascending order, -32,768 to 32,767. Default 0. */
  readonly group?: number | undefined
  /** Of the whole group; inherited from it when left out, `fallback` for a new one. */
  readonly strategy?: StrategyChoice | undefined
  readonly capabilities?: readonly CapabilityInput[] | undefined
  readonly version?: string | undefined
  readonly apiVersion?: string | undefined
  readonly models?: readonly string[] | undefined
  readonly dependencies?: readonly string[] | undefined
  /** Plain data: texts, numbers, booleans, null, lists and objects of them. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly limits?: Readonly<Record<string, unknown>> | undefined
  readonly circuit?: CircuitOptions | undefined
  /** Calls in flight at once; unlimited when left out. */
  readonly concurrency?: number | undefined
  /** How to ask whether it is well; an `isHealthy` method of the instance is found by itself. */
  readonly health?: RegistrationHealth | undefined
  readonly weight?: number | undefined
  readonly address?: string | undefined
  /** Providers that name the same credential share its cool-downs. */
  readonly credential?: string | undefined
  readonly requestsPerMinute?: number | undefined
  readonly tokensPerMinute?: number | undefined
  readonly withSignal?: WithSignal | undefined
  /** Whether its calls may be repeated elsewhere after a failure that may have had an effect. */
  readonly idempotent?: boolean | undefined
  readonly guard?: { readonly except?: readonly string[] | undefined } | undefined
  /** Replaces a provider of the same name in place, keeping its circuit. Default false. */
  readonly replace?: boolean | undefined
}

/** What `update` can change of a provider that is registered. What is left out stays. */
export type ProviderChanges = Pick<
  RegistrationFields,
  | 'priority'
  | 'capabilities'
  | 'version'
  | 'apiVersion'
  | 'models'
  | 'dependencies'
  | 'metadata'
  | 'limits'
  | 'weight'
  | 'address'
  | 'concurrency'
>

/** A registration names a service and an instance, or a function that makes one on first use. */
export type Registration<S extends string = string, T = unknown> = RegistrationFields & {
  readonly service: S
} & (
    | { readonly provider: T; readonly connect?: undefined }
    | {
        readonly connect: (record: ProviderRecord, signal: AbortSignal) => T | Promise<T>
        readonly provider?: undefined
      }
  )

/** A provider as everybody may see it: plain frozen data, secrets masked. */
export interface ProviderView {
  readonly name: string
  readonly service: string
  readonly handlers: readonly string[]
  readonly priority: PriorityName
  readonly group: number
  readonly strategy: string
  readonly capabilities: readonly Capability[]
  readonly version: string | undefined
  readonly apiVersion: string | undefined
  readonly models: readonly string[]
  readonly dependencies: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly weight: number
  readonly address: string | undefined
  readonly limits: Readonly<Record<string, unknown>> | undefined
  readonly health: Health
  /** Fields that a check or a health answer has said, sorted; the others are declared, or come from a source. */
  readonly probed: readonly string[]
  /** How busy it says it is, from 0 (idle) to 1 (full), `healthAgeMs` ago; `undefined` when it did not say. */
  readonly load: number | undefined
  /** Since its health was last found out; `undefined` for never. */
  readonly healthAgeMs: number | undefined
  /** Why it is `degraded` although its own checks pass. */
  readonly lostDependencies: readonly LostDependency[]
  /** Its last sign of life, where it has to give any. */
  readonly lease: ProviderLease | undefined
  readonly circuit: CircuitStats
  readonly origin: string
  /** Calls from here. */
  readonly inFlight: number
}

/** A dependency that nothing serves now. */
export interface LostDependency {
  /** As it was declared. */
  readonly dependency: string
  /** Such as `is not registered`, or `memory-1 is unhealthy`. */
  readonly reason: string
}

export type CircuitState = 'closed' | 'open' | 'half-open'

/** Counts since the provider was registered; percentiles of successful and failed calls. */
export interface CircuitStats {
  readonly state: CircuitState
  /** Admitted calls, those in flight included. */
  readonly calls: number
  readonly successes: number
  readonly failures: number
  /** Outcomes that decide nothing: aborted by the caller, the caller's mistake, asked to pause. */
  readonly neutral: number
  /** Calls refused before they began. */
  readonly refusals: number
  /** Failures that were time-outs. */
  readonly timeouts: number
  /** Successes among successes and failures; 1 when there were none. */
  readonly successRate: number
  readonly consecutiveFailures: number
  readonly halfOpenSuccesses: number
  readonly transitions: number
  /** How often it opened. */
  readonly trips: number
  readonly timeOpenMs: number
  readonly lastFailureAgeMs: number | undefined
  /** Why it is open; `undefined` while it is not. */
  readonly reason: string | undefined
  /** Until it may be tried again; `undefined` unless open, Infinity when isolated. */
  readonly retryAfterMs: number | undefined
  readonly latency: {
    readonly count: number
    readonly p50Ms: number
    readonly p90Ms: number
    readonly p99Ms: number
  }
}
