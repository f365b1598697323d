import type { RegistryEventOf } from '../model/event.js'
import type { CircuitState, ProviderView } from '../model/provider.js'
import type { RegistryMetrics } from '../registry/metrics.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { RegistryDescription } from '../registry/views.js'
import { definitions, type FigureKey } from './definitions.js'
import { LabelValues, other } from './label-values.js'
import { type Series, Tally } from './tally.js'

/** What is needed of a registry, whatever its services are. */
export type ObservedRegistry = Pick<ServiceRegistry, 'describe' | 'metrics' | 'on'>

export type Figures = Readonly<Record<FigureKey, readonly Series[]>>

/** Told of each attempt that was admitted and is over. */
export type OnDuration = (labels: { readonly service: string }, seconds: number) => void

const circuitStates: readonly CircuitState[] = ['closed', 'open', 'half-open']
const sourceStates = ['starting', 'live', 'failing', 'ended'] as const

/** Counts what a registry tells of, and reads what it knows when it is asked. */
export class Observation {
  readonly #registry: ObservedRegistry
  readonly #calls = new Tally(definitions.calls.labels)
  readonly #failovers = new Tally(definitions.failovers.labels)
  readonly #providers = new LabelValues()
  readonly #services = new LabelValues()
  readonly #sources = new LabelValues()
  readonly #detach: readonly (() => void)[]
  /** Within one turn the figures are read once, however many ask. */
  #reading: Figures | undefined

  /** Throws `RegistryClosedError`. */
  constructor(registry: ObservedRegistry, onDuration: OnDuration) {
    this.#registry = registry
    this.#detach = [
      registry.on('call.succeeded', (event) => {
        onDuration(this.#count(event, 'success', ''), event.durationMs / 1_000)
      }),
      registry.on('call.failed', (event) => {
        onDuration(this.#count(event, 'failure', event.cause), event.durationMs / 1_000)
      }),
      registry.on('call.refused', (event) => {
        this.#count(event, 'refused', event.refusal.reason)
      }),
      registry.on('call.failed-over', ({ service, cause }) =>
        this.#failovers.add([this.#services.of(service), cause]),
      ),
    ]
  }

  dispose(): void {
    for (const detach of this.#detach) detach()
  }

  get figures(): Figures {
    if (this.#reading === undefined) {
      this.#reading = this.#read()
      queueMicrotask(() => {
        this.#reading = undefined
      })
    }
    return this.#reading
  }

  #count(
    { service, provider }: RegistryEventOf<'call.succeeded' | 'call.failed' | 'call.refused'>,
    outcome: string,
    cause: string,
  ): { readonly service: string } {
    const label = this.#services.of(service)
    this.#calls.add([label, this.#providers.of(provider), outcome, cause])
    return { service: label }
  }

  #read(): Figures {
    const described = this.#registry.describe()
    const metrics = this.#registry.metrics()
    const views = providersOf(described)
    this.#makeRoom(views)
    return {
      providers: this.#health(views),
      circuits: this.#circuits(views),
      sources: this.#sourcesOf(described),
      calls: this.#calls.all,
      failovers: this.#failovers.all,
      resolutions: this.#resolutions(metrics),
      resolutionTimes: resolutionTimes(metrics),
      healthChecks: healthChecks(metrics),
      storeLag: [{ labels: {}, value: metrics.storeLagMs / 1_000 }],
    }
  }

  /** Names of providers that are gone are kept until others need their place. */
  #makeRoom(views: ReadonlyMap<string, ProviderView>): void {
    const gone = this.#providers.makeRoom((name) => views.has(name))
    if (gone.size > 0) this.#calls.drop('provider', gone)
  }

  #health(views: ReadonlyMap<string, ProviderView>): readonly Series[] {
    const tally = new Tally(definitions.providers.labels)
    for (const { service, health } of views.values())
      tally.add([this.#services.of(service), health])
    return tally.all
  }

  #circuits(views: ReadonlyMap<string, ProviderView>): readonly Series[] {
    const tally = new Tally(definitions.circuits.labels)
    for (const { name, circuit } of views.values()) {
      const provider = this.#providers.of(name)
      for (const state of circuitStates)
        tally.add([provider, state], circuit.state === state ? 1 : 0)
    }
    return tally.all
  }

  #sourcesOf({ sources = {} }: RegistryDescription): readonly Series[] {
    const tally = new Tally(definitions.sources.labels)
    for (const [name, source] of Object.entries(sources))
      for (const state of sourceStates)
        tally.add([this.#sources.of(name), state], source.state === state ? 1 : 0)
    return tally.all
  }

  #resolutions({ services, hits, misses }: RegistryMetrics): readonly Series[] {
    const tally = new Tally(definitions.resolutions.labels)
    const left = { hits, misses }
    for (const [service, one] of Object.entries(services)) {
      const label = this.#services.of(service)
      tally.add([label, 'hit'], one.hits)
      tally.add([label, 'miss'], one.misses)
      left.hits -= one.hits
      left.misses -= one.misses
    }
    if (left.hits > 0) tally.add([other, 'hit'], left.hits)
    if (left.misses > 0) tally.add([other, 'miss'], left.misses)
    return tally.all
  }
}

/** Each once, in however many handlers it is. */
function providersOf({
  handlers,
  globals,
}: RegistryDescription): ReadonlyMap<string, ProviderView> {
  const found = new Map<string, ProviderView>()
  for (const services of [globals, ...Object.values(handlers)])
    for (const views of Object.values(services))
      for (const view of views) found.set(view.name, view)
  return found
}

const resolutionTimes = ({ resolution }: RegistryMetrics): readonly Series[] =>
  (
    [
      ['0.5', resolution.p50Ms],
      ['0.9', resolution.p90Ms],
      ['0.99', resolution.p99Ms],
    ] as const
  ).map(([quantile, ms]) => ({ labels: { quantile }, value: ms / 1_000 }))

const healthChecks = ({
  healthChecks: asked,
  healthCheckFailures: failures,
}: RegistryMetrics): readonly Series[] => [
  { labels: { result: 'success' }, value: asked - failures },
  { labels: { result: 'failure' }, value: failures },
]
