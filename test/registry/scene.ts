import { type RegistryEvent, type RegistryOptions, ServiceRegistry } from '../../src/index.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'

type Anything = Record<string, object>

export interface Scene {
  readonly clock: FakeClock
  readonly registry: ServiceRegistry<Anything>
  /** Every event so far. */
  readonly events: RegistryEvent[]
}

/** A registry under virtual time, with chance that repeats, and what it tells. */
export function scene(options: RegistryOptions<Anything> = {}, startMs = 0): Scene {
  const clock = new FakeClock(startMs)
  const registry = new ServiceRegistry<Anything>({ clock, random: seededRandom(1), ...options })
  return { clock, registry, events: [] }
}

/** The same, listening to everything. */
export function heardScene(options: RegistryOptions<Anything> = {}): Scene {
  const made = scene(options)
  const all = [
    'provider.added',
    'provider.changed',
    'provider.removed',
    'provider.health-changed',
    'capability.added',
    'capability.removed',
    'circuit.opened',
    'circuit.half-opened',
    'circuit.closed',
    'call.succeeded',
    'call.failed',
    'call.refused',
    'call.failed-over',
    'stand-in.used',
    'listener.failed',
  ] as const
  for (const type of all) made.registry.on(type, (event) => void made.events.push(event))
  return made
}

/** The names that so many look-ups in a row give. */
export function picks(
  { registry }: Pick<Scene, 'registry'>,
  times: number,
  request?: Parameters<ServiceRegistry['resolve']>[1],
  service = 'llm',
): (string | undefined)[] {
  return Array.from({ length: times }, () => registry.resolve(service, request)?.provider)
}

/** What came of a call: its value, or what it threw or rejected with. */
export async function outcome(fn: () => unknown): Promise<unknown> {
  try {
    return await fn()
  } catch (error) {
    return error
  }
}

/** How often each value occurs. */
export function tally<T>(values: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}
