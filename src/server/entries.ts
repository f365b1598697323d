import type { ProviderView } from '../model/provider.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { Entry } from './entry.js'
import { OperationError } from './operation-error.js'
import { byRegistration, entryOf, type Observed, unobserved } from './registration.js'

/** The registry's providers as the server shows them, with what this server alone has seen of each. */
export class Entries {
  readonly #registry: ServiceRegistry
  readonly #observed = new Map<string, Observed>()

  constructor(registry: ServiceRegistry) {
    this.#registry = registry
  }

  of(view: ProviderView): Entry {
    return entryOf(view, this.#observed.get(view.name))
  }

  observed(id: string): Observed {
    return this.#observed.get(id) ?? unobserved
  }

  observe(id: string, observed: Observed): void {
    this.#observed.set(id, observed)
  }

  forget(id: string): void {
    this.#observed.delete(id)
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
    return this.views().map((view) => this.of(view))
  }

  /** By the registry's index, which reads what follows an "@" as a version. */
  viewsHaving(capability: string): readonly ProviderView[] {
    const [name = ''] = capability.split('@')
    if (name.trim() === '') return []
    const near = this.#registry.list({ capability: name })
    return near
      .filter((view) => this.of(view).capabilities.includes(capability))
      .sort(byRegistration)
  }

  having(capability: string): readonly Entry[] {
    return this.viewsHaving(capability).map((view) => this.of(view))
  }
}
