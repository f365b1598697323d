import type { Clock } from '../core/clock.js'
import { goneForMs, type Owned, sweeper } from './redis-place.js'
import type { RedisRecord } from './redis-record.js'

/** What is known here of a record that is there. */
interface Known {
  readonly version: number
  readonly node: string
  readonly epoch: string
  /** What this node wrote last, if no other has written since. */
  readonly own: string | undefined
}

/** Which version of each record was seen here, and which of them this node has to answer for. */
export class Replica {
  readonly #node: string
  readonly #clock: Clock
  readonly #known = new Map<string, Known>()
  /** What this node has removed, in the order of removal: after a loss nobody else may know of it. */
  readonly #buried = new Map<string, Owned & { readonly at: number }>()
  /** Fields that a place has lost, and until when their owners have time to write them again. */
  readonly #held = new Map<string, number>()
  #leases = 0

  constructor(node: string, clock: Clock) {
    this.#node = node
    this.#clock = clock
  }

  /** Of those that are there. */
  version(field: string): number {
    return this.#known.get(field)?.version ?? 0
  }

  /** Which registration of a provider is known; '' when none is. */
  epoch(field: string): string {
    return this.#known.get(field)?.epoch ?? ''
  }

  has(field: string): boolean {
    return this.#known.has(field)
  }

  own(field: string): string | undefined {
    return this.#known.get(field)?.own
  }

  /** Of what this node wrote or removed last, if no other has written since; else 0. */
  ownVersion(field: string): number {
    const known = this.#known.get(field)
    if (known?.own !== undefined) return known.version
    return this.#buried.get(field)?.version ?? 0
  }

  get hasLeases(): boolean {
    return this.#leases > 0
  }

  fields(): readonly string[] {
    return [...this.#known.keys()]
  }

  /** Takes up what another has written; false when that is no news. */
  see(field: string, { version, node, epoch, json }: RedisRecord): boolean {
    this.#held.delete(field)
    const known = this.#known.get(field)
    if (known?.version === version && known.node === node) return false
    if (version > (this.#buried.get(field)?.version ?? version)) this.#buried.delete(field)
    // What the sweep has written nobody would write again.
    const isOurs = node === sweeper && known?.own !== undefined
    if (json !== '') this.#set(field, { version, node, epoch, own: isOurs ? json : undefined })
    else {
      this.#delete(field)
      if (isOurs) this.#bury({ field, version, node, epoch, json })
    }
    return json !== '' || known !== undefined
  }

  /** This node has written it, unless another did since. */
  wrote({ field, version, epoch, json }: Omit<Owned, 'node'>): void {
    if (this.version(field) > version) return
    this.#held.delete(field)
    this.#buried.delete(field)
    const node = this.#node
    if (json !== '') this.#set(field, { version, node, epoch, own: json })
    else {
      this.#delete(field)
      this.#bury({ field, version, node, epoch, json })
    }
  }

  /** False when nothing was known of it. */
  forget(field: string): boolean {
    this.#held.delete(field)
    return this.#delete(field)
  }

  /** It may come back until then. */
  hold(field: string, until: number): void {
    if (!this.#held.has(field)) this.#held.set(field, until)
  }

  /** Those whose time is over. */
  release(now: number): readonly string[] {
    const over = [...this.#held].filter(([, until]) => until <= now).map(([field]) => field)
    for (const field of over) this.#held.delete(field)
    return over
  }

  /** What this node wrote or removed last, if no other has written since. */
  owned(): readonly Owned[] {
    const written = [...this.#known].flatMap(([field, { version, node, epoch, own }]): Owned[] =>
      own === undefined ? [] : [{ field, version, node, epoch, json: own }],
    )
    return [...written, ...this.#buried.values()]
  }

  #bury(owned: Owned): void {
    const now = this.#clock.now()
    this.#buried.delete(owned.field)
    this.#buried.set(owned.field, { ...owned, at: now })
    for (const [field, { at }] of this.#buried) {
      if (at > now - goneForMs) break
      this.#buried.delete(field)
    }
  }

  #set(field: string, known: Known): void {
    if (!this.#known.has(field) && isLease(field)) this.#leases += 1
    this.#known.set(field, known)
  }

  #delete(field: string): boolean {
    const was = this.#known.delete(field)
    if (was && isLease(field)) this.#leases -= 1
    return was
  }
}

const isLease = (field: string): boolean => field.startsWith('leases ')
