import type { Clock } from '../core/clock.js'
import { InvalidOptionsError, oneLine } from '../core/errors.js'
import type { Random } from '../core/random.js'
import { Accepted } from '../discovery/accepted.js'
import type { Difference } from '../discovery/reconcile.js'
import type { Source } from '../discovery/source.js'
import { type SourceState, Watcher, type WatcherSettings } from '../discovery/watcher.js'
import type { HealthChecks } from '../health/checks.js'
import type { ModelInput } from '../model/llm-model.js'
import { parseSighting } from '../model/parse/sighting.js'
import type { Sighting } from '../model/sighting.js'
import type { Seat } from '../resolve/seat.js'
import { enrollRead, partsAfter, type Target } from './takeover.js'
import type { Telling } from './telling.js'

export interface SourcesPorts extends Target {
  readonly checks: HealthChecks<Seat>
  readonly clock: Clock
  readonly random: Random
  remove(seat: Seat): boolean
  readonly telling: Pick<Telling, 'sourceUpdated' | 'sourceRejected' | 'sourceFailed'>
}

/** The sources of a registry. Each adds, changes and removes only what it added. */
export class Sources {
  readonly #ports: SourcesPorts
  readonly #settings: WatcherSettings
  readonly #feeds = new Map<string, Feed>()
  #running = false

  constructor(settings: WatcherSettings, ports: SourcesPorts) {
    this.#settings = settings
    this.#ports = ports
  }

  /** Throws `InvalidOptionsError` when a source of this name is there. The result removes it again. */
  add(source: Source): () => boolean {
    const { name } = source
    if (this.#feeds.has(name) || name === 'manual') {
      const message = `expected another name, "${name}" is ${name === 'manual' ? 'that of what code registers' : 'a source already'}`
      throw new InvalidOptionsError([{ field: 'name', message }], 'source')
    }
    const feed = new Feed(source, this.#settings, this.#ports)
    this.#feeds.set(name, feed)
    if (this.#running) feed.start()
    return () => {
      if (this.#feeds.get(name) !== feed) return false
      this.#feeds.delete(name)
      feed.remove()
      return true
    }
  }

  has(name: string): boolean {
    return this.#feeds.has(name)
  }

  start(): void {
    this.#running = true
    for (const feed of this.#feeds.values()) feed.start()
  }

  stop(): void {
    for (const feed of this.#feeds.values()) feed.stop()
    this.#feeds.clear()
  }

  /** Looks again now, at one or at all. Rejects with what the first that fails throws. */
  async refresh(name?: string): Promise<void> {
    const feed = name === undefined ? undefined : this.#feeds.get(name)
    if (name !== undefined && feed === undefined) {
      const known = [...this.#feeds.keys()].join(', ') || 'none'
      const message = `expected the name of a source (${known}), got "${name}"`
      throw new InvalidOptionsError([{ field: 'source', message }], 'refresh')
    }
    const feeds = feed === undefined ? [...this.#feeds.values()] : [feed]
    await Promise.all(feeds.map((one) => one.refresh()))
  }

  get states(): Readonly<Record<string, SourceState>> {
    const states = [...this.#feeds].map(([name, { state }]) => [name, state] as const)
    return Object.freeze(Object.fromEntries(states))
  }
}

/** One source and what became of what it saw. */
class Feed {
  readonly #origin: string
  readonly #ports: SourcesPorts
  readonly #watcher: Watcher
  /** Of those that were refused, why: said once, not with each view. */
  readonly #refused = new Map<string, string>()
  /** What the source said last about the health of each. */
  readonly #said = new Map<string, Sighting['health']>()
  readonly #accepted = new Accepted()
  #started = false

  constructor(source: Source, settings: WatcherSettings, ports: SourcesPorts) {
    this.#origin = source.name
    this.#ports = ports
    this.#watcher = new Watcher(source, settings, {
      clock: ports.clock,
      random: ports.random,
      apply: (difference) => this.#apply(difference),
      stale: (names) => this.#unwell(names),
      failed: (error, retryInMs) => ports.telling.sourceFailed(this.#origin, error, retryInMs),
    })
  }

  get state(): SourceState {
    return this.#watcher.state
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    for (const seat of this.#own()) this.#watcher.sightings.recall(seat.provider.name)
    this.#watcher.start()
  }

  stop(): void {
    this.#watcher.stop()
  }

  /** With all that it gave. */
  remove(): void {
    this.stop()
    this.#ports.turn(() => {
      for (const seat of this.#own()) this.#ports.remove(seat)
    })
  }

  refresh(): Promise<void> {
    const seen = this.#watcher.refresh()
    this.start()
    return seen
  }

  #own(): readonly Seat[] {
    return [...this.#ports.catalog.members()].filter(
      ({ provider }) => provider.origin === this.#origin,
    )
  }

  #apply({ seen, missing, gone }: Difference): void {
    const added: string[] = []
    const changed: string[] = []
    const removed: string[] = []
    this.#ports.turn(() => {
      for (const name of gone) if (this.#remove(name)) removed.push(name)
      this.#unwell(missing)
      const names = new Set<string>()
      for (const sighting of seen) {
        const outcome = this.#put(sighting, names)
        if (outcome === 'added') added.push(sighting.name)
        else if (outcome === 'changed') changed.push(sighting.name)
      }
    })
    if (added.length + changed.length + missing.length + removed.length === 0) return
    const change = { added, changed, missing, removed }
    this.#ports.telling.sourceUpdated(this.#origin, Object.freeze(change))
  }

  #remove(name: string): boolean {
    this.#said.delete(name)
    this.#accepted.forget(name)
    const seat = this.#seat(name)
    return seat !== undefined && this.#ports.remove(seat)
  }

  #unwell(names: readonly string[]): void {
    for (const name of names) {
      const seat = this.#seat(name)
      if (seat === undefined) continue
      this.#said.set(name, 'unhealthy')
      this.#ports.checks.mark(seat, 'unhealthy')
    }
  }

  #seat(name: string): Seat | undefined {
    const seat = this.#ports.catalog.get(name)
    return seat?.provider.origin === this.#origin ? seat : undefined
  }

  #put(sighting: Sighting, names: Set<string>): 'added' | 'changed' | 'same' | 'refused' {
    const name: unknown = sighting?.name
    try {
      if (this.#isKnown(sighting)) {
        once(names, sighting.name)
        this.#judge(sighting.name, sighting.health)
        this.#refused.delete(sighting.name)
        return 'same'
      }
      const { parsed, health, catalogue } = parseSighting(sighting, this.#origin)
      once(names, parsed.record.name)
      const outcome = this.#merge(parsed)
      if (outcome === 'added') this.#said.delete(parsed.record.name) // that was about another
      this.#judge(parsed.record.name, health)
      if (!this.#accepted.agrees(sighting, 'catalogue')) this.#learn(parsed.record.name, catalogue)
      this.#refused.delete(parsed.record.name)
      this.#accepted.keep(parsed.record.name, sighting)
      return outcome
    } catch (error) {
      this.#refuse(typeof name === 'string' ? name : undefined, error)
      return 'refused'
    }
  }

  /** It is there, and the source says nothing else than before: what was learned since then stays. */
  #isKnown(sighting: Sighting): boolean {
    return this.#accepted.has(sighting) && this.#seat(sighting.name) !== undefined
  }

  #merge(parsed: ReturnType<typeof parseSighting>['parsed']): 'added' | 'changed' | 'same' {
    const ports = this.#ports
    const { record } = parsed
    const existing = ports.catalog.get(record.name)
    if (existing !== undefined && existing.provider.origin !== this.#origin)
      throw new Error(`its name is taken by a provider of "${existing.provider.origin}"`)
    ports.dependents.refuseCycle([record])
    if (existing === undefined) {
      enrollRead(ports, parsed)
      return 'added'
    }
    ports.refuseOtherService(existing, record)
    const next = partsAfter(ports, existing, parsed)
    const strategy = ports.strategyOf(parsed, existing)
    return ports.rewrite(existing, record, next, strategy) ? 'changed' : 'same'
  }

  /** What a source says counts when it says something else than before. */
  #judge(name: string, health: Sighting['health']): void {
    const before = this.#said.get(name)
    if (health === before) return
    this.#said.set(name, health)
    const seat = this.#seat(name)
    if (seat !== undefined) this.#ports.checks.mark(seat, health ?? 'unknown')
  }

  #learn(name: string, catalogue: readonly ModelInput[]): void {
    this.#ports.models.update(catalogue, { kind: 'probed', source: name })
  }

  #refuse(name: string | undefined, error: unknown): void {
    if (name !== undefined && this.#seat(name) === undefined) this.#watcher.sightings.forget(name)
    const why = error instanceof Error ? error.message : oneLine(error)
    const key = name ?? why // without a name, there is only what is wrong
    if (this.#refused.get(key) === why) return
    this.#refused.set(key, why)
    this.#ports.telling.sourceRejected(this.#origin, name, error)
  }
}

function once(names: Set<string>, name: string): void {
  if (names.has(name)) throw new Error('it is in the view twice')
  names.add(name)
}
