import type { WithSignal } from './provider.js'

/**
 * Under this key an instance says itself how its calls get their abort signal. It counts where the registration
 * says nothing. Global, so that two copies of this package understand each other.
 */
export const ownWithSignal: unique symbol = Symbol.for('switchgear.withSignal')

export interface TakesSignal {
  readonly [ownWithSignal]: WithSignal
}

/**
 * For methods that take options with a `signal` as the argument at this index, each. Whoever gives a signal of
 * their own keeps it: whichever aborts first, aborts.
 */
export function signalAt(indexes: Readonly<Record<string, number>>): WithSignal {
  return (method, args, signal) => {
    const index = Object.hasOwn(indexes, method) ? indexes[method] : undefined
    if (index === undefined) return args
    const options: unknown = args[index]
    if (options !== undefined && (typeof options !== 'object' || options === null)) return args
    const own = options !== undefined && 'signal' in options ? options.signal : undefined
    const both = own instanceof AbortSignal ? AbortSignal.any([own, signal]) : signal
    return Object.assign([...args], { [index]: { ...options, signal: both } })
  }
}
