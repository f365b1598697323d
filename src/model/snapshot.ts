import type { Capability } from './capability.js'
import { type CapabilityDefinition, definitionKey } from './definition.js'
import type { Health } from './health.js'
import type { SavedLease } from './lease.js'
import { type Model, modelKey } from './llm-model.js'
import type { PriorityLevel } from './priority.js'
import type { CircuitOptions } from './provider.js'
import type { SavedCircuit } from './saved-circuit.js'

/** Of the snapshots this version writes. Older ones are migrated when they are read. */
export const schemaVersion = '2.0'

/** A provider written down: everything but its instance. */
export interface SavedProvider {
  readonly name: string
  readonly service: string
  readonly handlers: readonly string[]
  readonly priority: PriorityLevel
  readonly group: number
  /** Only a built-in strategy can be written down; left out means inherited. */
  readonly strategy?: string | undefined
  readonly capabilities: readonly Capability[]
  readonly version?: string | undefined
  readonly apiVersion?: string | undefined
  readonly models: readonly string[]
  readonly dependencies: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly limits?: Readonly<Record<string, unknown>> | undefined
  readonly weight: number
  readonly address?: string | undefined
  readonly credential?: string | undefined
  readonly requestsPerMinute?: number | undefined
  readonly tokensPerMinute?: number | undefined
  readonly concurrency?: number | undefined
  readonly idempotent?: boolean | undefined
  readonly origin: string
  /** The settings it was registered with; `null` for a time without limit. */
  readonly circuit?: SavedSettings | undefined
}

export type SavedSettings = { readonly [K in keyof CircuitOptions]?: CircuitOptions[K] | null }

export type SavedCircuitEntry = { readonly provider: string } & SavedCircuit

/** A verdict and when it was given, in milliseconds since the epoch. */
export interface SavedHealth {
  readonly provider: string
  readonly status: Health
  readonly checkedAt: number
}

/** What is kept, by section. */
export interface Sections {
  readonly providers: SavedProvider
  readonly models: Model
  readonly capabilities: CapabilityDefinition
  readonly circuits: SavedCircuitEntry
  readonly health: SavedHealth
  readonly leases: SavedLease
}

export type Section = keyof Sections

/** A registry written down, as plain JSON. */
export type Snapshot = {
  readonly schemaVersion: string
  /** ISO 8601, in UTC. */
  readonly savedAt: string
} & { readonly [S in Section]: readonly Sections[S][] }

/** What tells the entries of a section apart. */
export const keyOf: { readonly [S in Section]: (entry: Sections[S]) => string } = {
  providers: ({ name }) => name,
  models: modelKey,
  capabilities: definitionKey,
  circuits: ({ provider }) => provider,
  health: ({ provider }) => provider,
  leases: ({ provider }) => provider,
}

/** In the order in which they are read back. */
export const sections = Object.keys(keyOf) as readonly Section[]

/** Those whose entries are each of one provider, by its name. */
export const ofProviders = ['providers', 'circuits', 'health', 'leases'] as const
