import { InvalidOptionsError } from '../core/errors.js'
import { isObject } from '../core/foreign.js'
import { hasMethods } from '../core/methods.js'
import { type PromRegistry, promClient } from './prom-client.js'

/** Where metrics go: a registry of prom-client, or the module itself, for its default one. */
export type PromTarget = PromRegistry | { readonly register: PromRegistry }

/** One of our own where none is given. Throws `InvalidOptionsError`. */
export function registerOf(target: PromTarget | undefined): PromRegistry {
  if (target === undefined) return new (promClient().Registry)()
  const register = isObject(target) && 'register' in target ? target.register : target
  if (isRegistry(register)) return register
  throw new InvalidOptionsError(
    [{ field: 'register', message: 'expected a Registry of prom-client, or the module itself' }],
    'metrics',
  )
}

/** Names are the same for all, so one register shows one of us. Throws `InvalidOptionsError`. */
export function checkFree(register: PromRegistry, names: readonly string[], hint: string): void {
  const taken = names.find((name) => register.getSingleMetric(name) !== undefined)
  if (taken !== undefined)
    throw new InvalidOptionsError(
      [{ field: 'register', message: `it has a metric ${taken} already: ${hint}` }],
      'metrics',
    )
}

const isRegistry = (value: unknown): value is PromRegistry =>
  hasMethods(value, 'registerMetric', 'getSingleMetric', 'removeSingleMetric', 'metrics')
