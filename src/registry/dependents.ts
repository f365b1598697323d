import { isDeepStrictEqual } from 'node:util'
import { Dependencies } from '../catalog/dependencies.js'
import { DependencyCycleError } from '../core/errors.js'
import type { LostDependency, Provider } from '../model/provider.js'
import type { Seat } from '../resolve/seat.js'

export interface DependentsPorts {
  /** Everybody, in the order of registration. */
  members(): Iterable<Seat>
  /** The record of who has this name now. */
  present(name: string): Provider | undefined
  now(): number
  lost(seat: Seat, lost: LostDependency): void
  restored(seat: Seat, dependency: string): void
  /** What is lost is another: its health may be, too. */
  judge(seat: Seat, lost: readonly LostDependency[]): void
}

/** Keeps those who depend on others degraded while what they need is lost. */
export class Dependents {
  readonly graph: Dependencies<Seat>
  readonly #ports: DependentsPorts
  /** Within a turn: those to be looked at when it ends. */
  #later: Set<Seat> | undefined

  constructor(ports: DependentsPorts) {
    this.#ports = ports
    this.graph = new Dependencies(() => ports.members())
  }

  /**
   * Throws `DependencyCycleError` when these would wait for each other. A circle that is there already,
   * because others left or learned, is not made by who depends and serves as before.
   */
  refuseCycle(incoming: readonly Provider[]): void {
    const cycle = this.graph.cycleWith(
      incoming.filter((record) => !hasSameLinks(record, this.#ports.present(record.name))),
    )
    if (cycle !== undefined) throw new DependencyCycleError(cycle)
  }

  joined(seat: Seat): void {
    this.graph.add(seat)
    if (!this.graph.inUse) return
    this.#look([seat, ...this.#dependentsOf(seat)])
  }

  left(seat: Seat): void {
    if (!this.graph.inUse) return
    const affected = this.#dependentsOf(seat)
    this.graph.remove(seat)
    this.#look(affected)
  }

  /** It can be called again, or can no longer be. */
  changed(seat: Seat): void {
    if (this.graph.inUse) this.#look(this.#dependentsOf(seat))
  }

  /** Several changes as one: who depends on what is looked at after the last of them. */
  turn<T>(change: () => T): T {
    if (this.#later !== undefined) return change()
    const later = new Set<Seat>()
    this.#later = later
    try {
      return change()
    } finally {
      this.#later = undefined
      this.#look(later)
    }
  }

  /** The same for a change of many turns, others between them. */
  async meanwhile<T>(change: () => Promise<T>): Promise<T> {
    const later = new Set<Seat>()
    this.#later = later
    try {
      return await change()
    } finally {
      this.#later = undefined
      this.#look(later)
    }
  }

  #dependentsOf(seat: Seat): readonly Seat[] {
    return this.graph.affectedBy(seat).map(({ member }) => member)
  }

  #look(seats: Iterable<Seat>): void {
    for (const seat of seats)
      if (this.#later !== undefined) this.#later.add(seat)
      else if (!seat.removed) this.#settle(seat)
  }

  #settle(seat: Seat): void {
    const now = this.#ports.now()
    const before = seat.lost
    const lost = this.graph.lossOf(
      seat,
      (one) => unavailable(one, now) === undefined,
      (one) => `${one.provider.name} ${unavailable(one, now) ?? 'is back'}`,
    )
    if (lost.length === 0 && before.length === 0) return
    this.#ports.judge(seat, Object.freeze(lost.map((one) => Object.freeze(one))))
    for (const { dependency } of before)
      if (!names(lost, dependency)) this.#ports.restored(seat, dependency)
    for (const one of lost) if (!names(before, one.dependency)) this.#ports.lost(seat, one)
  }
}

const hasSameLinks = (record: Provider, present: Provider | undefined): boolean =>
  record.service === present?.service &&
  isDeepStrictEqual(record.dependencies, present.dependencies) &&
  isDeepStrictEqual(record.capabilities, present.capabilities)

const names = (lost: readonly LostDependency[], dependency: string): boolean =>
  lost.some((one) => one.dependency === dependency)

/** Why nobody can rely on it now. A half-open circuit has not proved anything yet. */
function unavailable(seat: Seat, now: number): string | undefined {
  const { verdict, usedGuard, unconnectable } = seat
  if (verdict === 'unhealthy' || verdict === 'loading') return `is ${verdict}`
  if (unconnectable !== undefined) return 'cannot be connected'
  if (usedGuard === undefined) return undefined
  if (usedGuard.draining) return 'is draining'
  const state = usedGuard.circuit.stateAt(now)
  return state === 'closed' ? undefined : `has a circuit that is ${state}`
}
