import type { Health } from './health.js'
import type { PriorityLevel } from './priority.js'

export type NonEmpty<T> = readonly [T, ...T[]]

/** What a strategy may know about a provider it can choose. */
export interface Candidate {
  readonly provider: string
  readonly priority: PriorityLevel
  readonly group: number
  /** Relative share, above 0. Default 1. */
  readonly weight: number
  readonly metadata: Readonly<Record<string, unknown>>
  readonly health: Health
  /** Calls in flight from here. */
  readonly load: number
  /** How busy its last check said it is, from 0 (idle) to 1 (full), others' calls included; `undefined` when it did not say. */
  readonly reportedLoad: number | undefined
  /** Recent peak latency in milliseconds; 0 while nothing was measured. */
  readonly latencyMs: number
}

/** What a strategy may know about the look-up. */
export interface PickRequest {
  readonly service: string
  readonly handler: string | undefined
  readonly key: string | undefined
  readonly tenant: string | undefined
  /** Stands for the pool of equals; the same object at each look-up of it, so state can be kept by it in a WeakMap. */
  readonly pool: object
}

/**
 * Chooses one of several admissible equals; it never filters, waits, or fails.
 *
 * `candidates` come by priority, then in order of registration. The array is the same object until
 * the set of admissible providers changes, and must not be changed.
 */
export interface Strategy {
  readonly name: string
  pick(candidates: NonEmpty<Candidate>, request: PickRequest): Candidate
  /** What `pick` would give, without changing anything. Left out where nobody can know, as by chance. */
  peek?(candidates: NonEmpty<Candidate>, request: PickRequest): Candidate
}

export const builtInStrategies = [
  'fallback',
  'round-robin',
  'weighted',
  'random',
  'two-choices',
  'fastest',
  'sticky',
] as const

export type BuiltInStrategy = (typeof builtInStrategies)[number]

/** `round_robin` is accepted as a spelling of `round-robin`. */
export type StrategyChoice = BuiltInStrategy | 'round_robin' | Strategy
