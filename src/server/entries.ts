import type { ProviderView } from '../model/provider.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { Entry } from './entry.js'
import { OperationError } from './operation-error.js'
import { type Place, Places } from './places.js'
import { byRegistration, entryOf, type Observed, unobserved } from './registration.js'

/** The registry's providers as the server shows them, with what this server alone has seen of each. */
export class Entries {
  readonly #registry: ServiceRegistry
  readonly #observed = new Map<string, Observed>()
  readonly #places: Places

  constructor(registry: ServiceRegistry) {
    this.#registry = registry
    this.#places = new Places(registry, (id) => this.get(id))
  }

  close(): void {
    this.#places.close()
  }

  get size(): number {
    return this.#places.size
  }

  of(view: ProviderView): Entry {
    return entryOf(view, this.#observed.get(view.name))
  }

  observed(id: string): Observed {
    return this.#observed.get(id) ?? unobserved
  }

  observe(id: string, observed: Observed): void {
    this.#observed.set(id, observed)
    this.#places.stale(id)
  }

  forget(id: string): void {
    this.#observed.delete(id)
    this.#places.stale(id)
  }

  get(id: string): Entry | undefined {
    const view = this.#registry.get(id)
    return view && this.of(view)
  }

  /** Throws `not-found`. */
  need(id: string): Entry {
    return this.of(this.view(id))
  }

  /** Throws `not-found`. */
  view(id: string): ProviderView {
    const view = this.#registry.get(id)
    if (view !== undefined) return view
    throw new OperationError('not-found', 'SERVICE_NOT_FOUND', 'Service not found')
  }

  /** In the order of registration, as all lists here. */
  views(): readonly ProviderView[] {
    return this.#registry.list().toSorted(byRegistration)
  }

  all(): readonly Entry[] {
    return this.#places.all()
  }

  having(capability: string): readonly Entry[] {
    return this.#places.having(capability)
  }

  /** Whether anybody has it. */
  known(capability: string): boolean {
    return this.#places.has(capability)
  }

  /** The first after this place that passes, going round once. */
  next(
    capability: string,
    after: Place | undefined,
    passes: (entry: Entry) => boolean,
  ): { readonly place: Place; readonly entry: Entry } | undefined {
    return this.#places.next(capability, after, passes)
  }
}
