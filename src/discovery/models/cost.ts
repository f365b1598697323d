import { scaled } from '../../core/decimal.js'
import { field } from '../../core/foreign.js'
import type { ModelCost } from '../../model/llm-model.js'

/** Powers of ten from a list's unit to US dollars per 1,000 tokens. */
export const perToken = 3
export const perMillion = -3

/** Prices by the names a list has for them. What is no price is left out: unknown, not free. */
export function costOf(
  row: unknown,
  unit: number,
  names: { readonly [K in keyof Required<ModelCost>]: string },
): ModelCost | undefined {
  const price = (name: string): number | undefined => {
    const value = field(row, name)
    return typeof value === 'number' || typeof value === 'string' ? scaled(value, unit) : undefined
  }
  const input = price(names.input)
  const output = price(names.output)
  const cached = price(names.cached)
  if (input === undefined && output === undefined && cached === undefined) return undefined
  return { input, output, cached }
}
