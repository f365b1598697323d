import type { RequirementInput } from './capability.js'

/** What a caller asks the registry for. Every field is optional. */
export interface ServiceRequest {
  /** The part of the application that asks. Its own providers go before the global ones. */
  readonly handler?: string | undefined
  /** Capabilities the provider must have, all of them. */
  readonly requires?: readonly RequirementInput[] | undefined
  /** Whether global providers may answer when none of the handler's own can. Default true. */
  readonly fallbackToGlobal?: boolean | undefined
  /** Metadata that must be equal. Never relaxed by fail-over. */
  readonly where?: Readonly<Record<string, unknown>> | undefined
  /** Affinity: the same key goes to the same provider of a tier while that is admissible. */
  readonly key?: string | undefined
  /** Whose fair share of a queue the call counts against. */
  readonly tenant?: string | undefined
  /** Names of providers that must not be chosen. */
  readonly exclude?: readonly string[] | undefined
}
