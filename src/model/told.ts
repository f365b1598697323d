import { isDeepStrictEqual } from 'node:util'
import type { Provider } from './provider.js'

/** Fields of a record that a check can learn, sorted. */
export const learnable = ['apiVersion', 'capabilities', 'limits', 'models', 'version'] as const

export type Learnable = (typeof learnable)[number]

/** What checks and health answers said of a provider besides how it is. Not part of its record. */
export interface Told {
  /** From 0 (idle) to 1 (full), as the last check said; `undefined` when it did not. */
  readonly load: number | undefined
  /** Fields of the record whose value is the one that a check gave, sorted. */
  readonly probed: readonly Learnable[]
}

/** One for all that said nothing: most are never asked. */
export const nothingTold: Told = Object.freeze({ load: undefined, probed: Object.freeze([]) })

export function withLoad(told: Told, load: number | undefined): Told {
  return load === told.load ? told : toldOf(load, told.probed)
}

export function withProbed(told: Told, fields: readonly Learnable[]): Told {
  const isProbed = (one: Learnable): boolean => told.probed.includes(one)
  if (fields.every(isProbed)) return told
  return toldOf(
    told.load,
    learnable.filter((one) => isProbed(one) || fields.includes(one)),
  )
}

/** Somebody else has said what these are. */
export function withoutProbed(told: Told, fields: readonly Learnable[]): Told {
  const left = told.probed.filter((one) => !fields.includes(one))
  return left.length === told.probed.length ? told : toldOf(told.load, left)
}

/** What still holds when the record becomes another: what it has another value for was not probed. */
export function stillTold(told: Told, before: Provider, after: Provider): Told {
  if (told.probed.length === 0) return told
  return withoutProbed(
    told,
    told.probed.filter((one) => !isDeepStrictEqual(before[one], after[one])),
  )
}

const toldOf = (load: number | undefined, probed: readonly Learnable[]): Told =>
  load === undefined && probed.length === 0
    ? nothingTold
    : Object.freeze({ load, probed: Object.freeze(probed) })
