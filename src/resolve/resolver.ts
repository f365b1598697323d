import type { Catalog } from '../catalog/catalog.js'
import { type Clock, systemClock } from '../core/clock.js'
import { isSwitchgearError } from '../core/errors.js'
import { DueHeap } from '../core/heap.js'
import { Histogram } from '../core/histogram.js'
import type { Permit } from '../guard/circuit.js'
import type { Definitions } from '../model/capability.js'
import { checkRequest } from '../model/parse/request.js'
import { NoProviderError } from '../model/refusal.js'
import type { ServiceRequest } from '../model/request.js'
import { connect } from './connect.js'
import { refusalsOf } from './explain.js'
import { guardInstance } from './instance.js'
import { Lease } from './lease.js'
import { type Plan, Plans } from './plan.js'
import { Seat } from './seat.js'
import {
  anySeat,
  checkConstraints,
  excludedBy,
  type Filter,
  foresee,
  isChecked,
  isPlain,
  select,
  selectPlain,
} from './select.js'

/** What the resolver asks of the health checks. */
export interface Checks {
  /** Providers that have a check. */
  readonly count: number
  /** Whether the last verdict is too old to go by. */
  due(seat: Seat, now: number): boolean
  /** Asks, or joins who asks already; never rejects. */
  check(seat: Seat): Promise<void>
  /** The same for those who come later: does not keep the process alive. */
  begin(seat: Seat): void
  /** Those whose last verdict was bad. */
  readonly unwell: ReadonlySet<Seat>
}

/** One in so many look-ups is timed: reading the clock costs more than the look-up. */
const timedEvery = 64
/** The clock is read at least so often while something waits for its time. */
const clockEvery = 32
/** Providers checked at once when the first choice turned out to be unwell. */
const checkedTogether = 16

/** Finds the provider for a request from memory, and counts what it finds. */
export class Resolver {
  readonly clock: Clock
  readonly plans: Plans
  readonly latency: Histogram = new Histogram()
  lookups = 0
  hits = 0
  /** Grows with each transition of any circuit; a lease remembers it instead of asking the circuit. */
  epoch = 0
  /** Told of each selection, where somebody wants to know. */
  selected: ((plan: Plan, seat: Seat | undefined) => void) | undefined = undefined
  /** Providers that have no instance yet. */
  unconnected = 0
  /** Providers that may be chosen although their circuit is not closed. */
  #probing = 0
  readonly #checks: Checks
  readonly #catalog: Catalog<Seat>
  readonly #waiting = new DueHeap<Seat>()
  /** On a real clock a timer says when the next one is due, so that look-ups need not ask the time. */
  readonly #timed: boolean
  #stopTimer: (() => void) | undefined
  #timerAt = Number.POSITIVE_INFINITY
  readonly #connected: Filter

  constructor(catalog: Catalog<Seat>, clock: Clock, checks: Checks, defined?: Definitions) {
    this.clock = clock
    this.plans = new Plans(catalog, defined)
    this.#catalog = catalog
    this.#checks = checks
    this.#timed = clock === systemClock
    this.#connected = {
      connected: true,
      connect: (seat) => void connect(seat).catch(() => {}), // counted against its circuit
    }
  }

  // --- look-ups --------------------------------------------------------------------------------

  plan(service: string, request: ServiceRequest): Plan {
    try {
      if (!isChecked(request)) checkConstraints(service, request)
      return this.plans.find(service, request)
    } catch (error) {
      if (!isSwitchgearError(error)) checkRequest(service, request) // null, or a getter that threw
      throw error
    }
  }

  /** A lease on the provider for this request, from what is known now. */
  lease(service: string, request: ServiceRequest): Lease | undefined {
    const startedAt = this.#begin()
    const plan = this.plan(service, request)
    let seat = this.pick(plan, request, this.#connected)
    let permit: Permit | undefined
    while (seat !== undefined && this.#probing > 0 && seat.probing) {
      permit = seat.guard.admit(this.clock.now())
      if (permit !== undefined) break
      this.refresh(seat) // its last permit was taken since it was let in
      seat = this.pick(plan, request, this.#connected)
    }
    this.#end(plan, seat !== undefined, startedAt)
    if (this.#checks.count > 0) this.#checkBehind(plan, seat)
    return seat && new Lease(seat, this.epoch, permit)
  }

  /** The guarded instance for this request; checks and connects where that is due. */
  instance(service: string, request: ServiceRequest): Promise<object | undefined> {
    const startedAt = this.#begin()
    const plan = this.plan(service, request)
    const found = this.pickFresh(plan, request, undefined)
    if (found instanceof Seat && found.promised !== undefined && !found.probing) {
      this.#end(plan, true, startedAt)
      return found.promised
    }
    return this.#instanceOf(plan, request, found, startedAt)
  }

  /** An admissible provider now, as far as is known. */
  pick(plan: Plan, request: ServiceRequest, filter: Filter): Seat | undefined {
    if (this.#waiting.size > 0) this.#wakeDue()
    let seat = this.#select(plan, request, filter)
    if (seat === undefined && this.#waiting.size > 0) {
      this.wake(this.clock.now())
      seat = this.#select(plan, request, filter)
    }
    if (this.selected !== undefined) this.selected(plan, seat)
    return seat
  }

  #select(plan: Plan, request: ServiceRequest, filter: Filter): Seat | undefined {
    const everybody = filter === anySeat || (filter === this.#connected && this.unconnected === 0)
    if (everybody && isPlain(request)) return selectPlain(plan, this.#catalog.changes)
    return select(plan, request, everybody ? anySeat : filter)
  }

  /** The same after the checks that are due; a promise only if there are any. */
  pickFresh(
    plan: Plan,
    request: ServiceRequest,
    skip: ReadonlySet<Seat> | undefined,
  ): Seat | undefined | Promise<Seat | undefined> {
    const filter: Filter = skip === undefined ? anySeat : { connected: false, skip }
    if (this.#checks.count === 0) return this.pick(plan, request, filter)
    const now = this.clock.now()
    if (this.#checks.unwell.size > 0 && this.#unwell(plan, now, skip).length > 0)
      return this.#pickChecked(plan, request, filter)
    const seat = this.pick(plan, request, filter)
    if (seat === undefined || !this.#checks.due(seat, now)) return seat
    return this.#pickChecked(plan, request, filter, seat)
  }

  /** For a sync call: what is known now, with the check that is due begun behind it. */
  pickSync(
    plan: Plan,
    request: ServiceRequest,
    skip: ReadonlySet<Seat> | undefined,
  ): Seat | undefined {
    const seat = this.pick(
      plan,
      request,
      skip === undefined ? this.#connected : { ...this.#connected, skip },
    )
    if (this.#checks.count > 0) this.#checkBehind(plan, seat)
    return seat
  }

  /** A look-up that cannot wait begins the checks that are due, for those who come after it. */
  #checkBehind(plan: Plan, seat: Seat | undefined): void {
    const now = this.clock.now()
    for (const unwell of this.#unwell(plan, now, undefined)) this.#checks.begin(unwell)
    if (seat !== undefined && this.#checks.due(seat, now)) this.#checks.begin(seat)
  }

  /** What a look-up would give now, changing nothing; `undefined` also where a strategy leaves it to chance. */
  peek(plan: Plan, request: ServiceRequest): Seat | undefined {
    this.wake(this.clock.now())
    return foresee(plan, request)
  }

  /** The first admissible one in order, whatever the strategy. */
  first(plan: Plan, request: ServiceRequest): Seat | undefined {
    for (const { roster } of plan.pools)
      for (let seat = roster.first(); seat !== undefined; seat = roster.after(seat.order))
        if (excludedBy(seat, request) === undefined) return seat
    return undefined
  }

  /** Says of each candidate why it is none now. */
  noProvider(plan: Plan, request: ServiceRequest): NoProviderError {
    const { requires, service } = plan
    const elsewhere = this.#catalog.handlersOf(service)
    const refusals = refusalsOf(plan, request, this.clock.now())
    return new NoProviderError(service, refusals, { requires, elsewhere })
  }

  count(plan: Plan, hit: boolean): void {
    this.lookups += 1
    this.#found(plan, hit)
  }

  #found({ uses }: Plan, hit: boolean): void {
    if (hit) {
      this.hits += 1
      uses.hits += 1
    } else uses.misses += 1
  }

  // --- admission -------------------------------------------------------------------------------

  /** Something that decides whether it may be chosen changed. */
  refresh(seat: Seat): void {
    if (seat.removed) return
    const now = this.clock.now()
    this.#settle(seat, now)
    this.#arm(now)
  }

  /** Lets everybody in whose time has come. */
  wake(now: number): void {
    for (let seat = this.#waiting.popDue(now); seat; seat = this.#waiting.popDue(now))
      this.#settle(seat, now)
  }

  forget(seat: Seat): void {
    this.#waiting.remove(seat)
    this.#probe(seat, false)
  }

  close(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    this.#waiting.clear()
    this.plans.close()
  }

  /** When the next one that waits may be let in; Infinity when nobody waits. */
  get nextAt(): number {
    return this.#waiting.nextAt
  }

  #settle(seat: Seat, now: number): void {
    const at = seat.admitsAt(now)
    this.#waiting.remove(seat)
    if (at > now && Number.isFinite(at)) {
      seat.at = at
      this.#waiting.push(seat)
    }
    const admissible = at <= now
    this.#probe(seat, admissible && seat.usedGuard?.circuit.calm === false)
    if (seat.admissible === admissible) return
    seat.admissible = admissible
    this.#catalog.flip(seat)
  }

  #probe(seat: Seat, probing: boolean): void {
    if (seat.probing === probing) return
    seat.probing = probing
    this.#probing += probing ? 1 : -1
  }

  #wakeDue(): void {
    if (this.#timed && this.lookups % clockEvery !== 0) return
    const now = this.clock.now()
    if (this.#waiting.nextAt > now) return
    this.wake(now)
    this.#arm(now)
  }

  #arm(now: number): void {
    const { nextAt } = this.#waiting
    if (!this.#timed || nextAt >= this.#timerAt) return
    this.#stopTimer?.()
    this.#timerAt = nextAt
    this.#stopTimer = this.clock.every(Math.max(1, Math.ceil(nextAt - now)), () => {
      this.#stopTimer?.()
      this.#stopTimer = undefined
      this.#timerAt = Number.POSITIVE_INFINITY
      const due = this.clock.now()
      this.wake(due)
      this.#arm(due)
    })
  }

  // --- the longer way --------------------------------------------------------------------------

  async #instanceOf(
    plan: Plan,
    request: ServiceRequest,
    found: Seat | undefined | Promise<Seat | undefined>,
    startedAt: number,
  ): Promise<object | undefined> {
    const skip = new Set<Seat>()
    let seat = await found
    while (seat !== undefined) {
      const view = await this.#viewOf(seat)
      if (view !== undefined) {
        this.#end(plan, true, startedAt)
        return view
      }
      skip.add(seat)
      seat = await this.pickFresh(plan, request, skip)
    }
    this.#end(plan, false, startedAt)
    return undefined
  }

  /** The guarded instance; `undefined` when it cannot be connected, or its last permit was just taken. */
  async #viewOf(seat: Seat): Promise<object | undefined> {
    if (seat.instance === undefined) {
      try {
        await connect(seat)
      } catch {
        return undefined // counted against its circuit
      }
    }
    if (seat.instance === undefined || !seat.admissible) return undefined
    if (seat.usedGuard?.circuit.calm !== false) return promisedView(seat)
    const permit = seat.guard.admit(this.clock.now())
    return permit && this.#probeView(seat, seat.instance, permit)
  }

  /** A fresh view that carries the probe lease. */
  #probeView({ guard, parts }: Seat, instance: object, permit: Permit): object {
    const { except, withSignal } = parts
    return guardInstance({ guard, except, withSignal }, instance, permit)
  }

  async #pickChecked(
    plan: Plan,
    request: ServiceRequest,
    filter: Filter,
    first?: Seat,
  ): Promise<Seat | undefined> {
    const asked = new Set<Seat>()
    const ask = async (seats: readonly Seat[]): Promise<void> => {
      for (const seat of seats) asked.add(seat)
      await Promise.all(seats.map((seat) => this.#checks.check(seat)))
    }
    await ask([
      ...this.#unwell(plan, this.clock.now(), filter.skip),
      ...(first === undefined ? [] : [first]),
    ])
    if (first?.admissible) return first
    for (;;) {
      const seat = this.pick(plan, request, filter)
      if (seat === undefined || asked.has(seat)) return seat
      const now = this.clock.now()
      if (!this.#checks.due(seat, now)) return seat
      await ask(asked.size === 0 ? [seat] : this.#dueWith(seat, plan, now))
      if (seat.admissible) return seat
    }
  }

  /** This one and others that wait for a check: one hanging check after the other would add up. */
  #dueWith(first: Seat, plan: Plan, now: number): Seat[] {
    const together = new Set([first])
    for (const { roster } of plan.pools) {
      let seat = roster.first()
      while (seat !== undefined && together.size < checkedTogether) {
        if (this.#checks.due(seat, now)) together.add(seat)
        seat = roster.after(seat.order)
      }
    }
    return [...together]
  }

  /** Those with an old bad verdict: asked again although they are not admissible. */
  #unwell(plan: Plan, now: number, skip: ReadonlySet<Seat> | undefined): Seat[] {
    if (this.#checks.unwell.size === 0) return []
    return [...this.#checks.unwell].filter(
      (seat) =>
        !skip?.has(seat) &&
        this.#checks.due(seat, now) &&
        plan.pools.some(({ roster }) => roster.has(seat)),
    )
  }

  #begin(): number {
    this.lookups += 1
    return this.lookups % timedEvery === 1 ? this.clock.now() : -1
  }

  #end(plan: Plan, hit: boolean, startedAt: number): void {
    this.#found(plan, hit)
    if (startedAt >= 0) this.latency.record(this.clock.now() - startedAt)
  }
}

/** The one guarded instance of a provider with a closed circuit, behind one promise for all look-ups. */
function promisedView(seat: Seat): Promise<object> {
  if (seat.guarded === undefined && seat.instance !== undefined) {
    const { guard, parts, instance } = seat
    const { except, withSignal } = parts
    seat.guarded = guardInstance({ guard, except, withSignal }, instance)
  }
  seat.promised ??= Promise.resolve(seat.guarded as object)
  return seat.promised
}
