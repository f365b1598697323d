import {
  type RegistryEvent,
  type RegistryEventOf,
  type RegistryEventType,
  type RegistryOptions,
  ServiceRegistry,
} from 'switchgear'
import { FakeClock, seededRandom } from 'switchgear/testing'

const listened: readonly RegistryEventType[] = [
  'call.succeeded',
  'call.failed',
  'call.refused',
  'call.failed-over',
  'circuit.opened',
  'circuit.half-opened',
  'circuit.closed',
  'stand-in.used',
  'listener.failed',
]

/** A registry under virtual time and seeded chance, with a record of what it told. */
export interface Scene<S extends object> {
  readonly registry: ServiceRegistry<S>
  readonly clock: FakeClock
  readonly events: RegistryEvent[]
  told<T extends RegistryEventType>(type: T): RegistryEventOf<T>[]
  /** Such as `['call.failed a', 'call.succeeded b']`, calls only. */
  calls(): string[]
}

export function scene<S extends object = Record<string, unknown>>(
  options: Partial<RegistryOptions<S>> & { readonly seed?: number } = {},
): Scene<S> {
  const { seed = 7, ...rest } = options
  const clock = (options.clock as FakeClock | undefined) ?? new FakeClock(1_000)
  const registry = new ServiceRegistry<S>({ clock, random: seededRandom(seed), ...rest })
  const events: RegistryEvent[] = []
  for (const type of listened) registry.on(type, (event) => events.push(event as RegistryEvent))
  return {
    registry,
    clock,
    events,
    told: (type) => events.filter((event) => event.type === type) as never,
    calls: () =>
      events.flatMap((event) =>
        /^call\.(succeeded|failed|refused)$/.test(event.type) && 'provider' in event
          ? [`${event.type} ${event.provider}`]
          : [],
      ),
  }
}

/** What became of a promise so far. */
export interface Seen<T> {
  state: 'pending' | 'fulfilled' | 'rejected'
  value: T | undefined
  error: unknown
  settlements: number
}

export function watch<T>(promise: PromiseLike<T>): Seen<T> {
  const seen: Seen<T> = { state: 'pending', value: undefined, error: undefined, settlements: 0 }
  promise.then(
    (value) => {
      seen.state = 'fulfilled'
      seen.value = value
      seen.settlements += 1
    },
    (error: unknown) => {
      seen.state = 'rejected'
      seen.error = error
      seen.settlements += 1
    },
  )
  return seen
}

/** A promise whose end is in the test's hands. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

export const never: Promise<never> = new Promise(() => {})

/** An HTTP error as clients throw it. */
export function httpError(status: number, headers: Record<string, string> = {}): Error {
  return Object.assign(new Error(`HTTP ${status}`), { status, headers: new Headers(headers) })
}

/** No attempt holds a slot and none counts as in flight. */
export function idle(registry: ServiceRegistry<never>): boolean {
  return registry.list().every(({ inFlight }) => inFlight === 0)
}
