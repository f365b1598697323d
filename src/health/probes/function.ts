import type { Probe } from '../../model/provider.js'

/** A probe made of a function, for what the built-in ones cannot ask. */
export const functionProbe = (check: Probe['check'], name = 'function'): Probe =>
  Object.freeze({ name, check })
