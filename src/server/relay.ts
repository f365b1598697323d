import type { ProviderView } from '../model/provider.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { ChangeLog } from './changes.js'
import type { Entries } from './entries.js'
import type { EntryStatus } from './entry.js'
import { entryStatus, factsOf } from './registration.js'

export interface RelayPorts {
  readonly registry: ServiceRegistry
  readonly entries: Entries
  readonly log: ChangeLog
  /** There is another registration now. */
  joined(view: ProviderView): void
  left(id: string): void
}

/** Turns what the registry tells into changes, whoever caused it: this server, time, or another node. */
export class Relay {
  readonly #ports: RelayPorts
  /** While an id is registered anew, that says all there is to say of it. */
  readonly #silent = new Set<string>()
  readonly #unsubscribe: readonly (() => void)[]

  constructor(ports: RelayPorts) {
    this.#ports = ports
    this.#unsubscribe = this.#subscribe(ports.registry)
  }

  /** What the registry tells of this id meanwhile is not told. */
  silently(id: string, work: () => void): void {
    this.#silent.add(id)
    try {
      work()
    } finally {
      this.#silent.delete(id)
    }
  }

  close(): void {
    for (const end of this.#unsubscribe) end()
  }

  #subscribe(registry: ServiceRegistry): readonly (() => void)[] {
    const unless = (id: string, tell: () => void): void => {
      if (!this.#silent.has(id)) tell()
    }
    return [
      registry.on('provider.added', ({ provider, view }) =>
        unless(provider, () => this.#joined(view)),
      ),
      registry.on('provider.changed', ({ provider, view, previous }) =>
        unless(provider, () => this.#changed(view, previous)),
      ),
      registry.on('provider.removed', ({ provider, view }) =>
        unless(provider, () => this.#left(view)),
      ),
      registry.on('provider.health-changed', ({ provider, health, previous }) =>
        unless(provider, () => this.#judged(provider, entryStatus(health), entryStatus(previous))),
      ),
      registry.on('lease.renewed', ({ provider, facts }) =>
        unless(provider, () => this.#renewed(provider, facts)),
      ),
    ]
  }

  /** Registered by somebody else, such as another node with the same store. */
  #joined(view: ProviderView): void {
    const { log, entries, joined } = this.#ports
    log.push({ type: 'registered', entry: entries.of(view) })
    joined(view)
  }

  #changed(view: ProviderView, previous: ProviderView): void {
    const { log, entries } = this.#ports
    const [now, before] = [factsOf(view), factsOf(previous)]
    const isAnew = now.registeredAt !== before.registeredAt || now.serial !== before.serial
    if (isAnew) this.#joined(view)
    else log.push({ type: 'updated', entry: entries.of(view), cause: 'facts' })
  }

  #left(view: ProviderView): void {
    const { log, entries, left } = this.#ports
    log.push({ type: 'deregistered', entry: entries.of(view) })
    entries.forget(view.name)
    left(view.name)
  }

  #judged(id: string, status: EntryStatus, previous: EntryStatus): void {
    const entry = this.#ports.entries.get(id)
    if (entry !== undefined && status !== previous)
      this.#ports.log.push({ type: 'status-changed', entry, previous })
  }

  #renewed(id: string, { beats }: Readonly<Record<string, unknown>>): void {
    const entry = this.#ports.entries.get(id)
    if (entry !== undefined && beats !== 0)
      this.#ports.log.push({ type: 'updated', entry, cause: 'heartbeat' })
  }
}
