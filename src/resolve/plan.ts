import type { Catalog } from '../catalog/catalog.js'
import { type Roster, Turn } from '../catalog/roster.js'
import type { Pool } from '../catalog/scope.js'
import { RegistryClosedError } from '../core/errors.js'
import { canonical, type Definitions, type RequirementInput } from '../model/capability.js'
import { checkRequest, toRequirements } from '../model/parse/request.js'
import { everyHandler } from '../model/provider.js'
import type { ServiceRequest } from '../model/request.js'
import type { Seat } from './seat.js'

/** Plans kept; the least recently used go first. */
const mostPlans = 4_096
/** Services whose look-ups are counted; those after them only count among all. */
const mostCounted = 1_024

/** A request compiled: the pools to look through, the handler's own first. */
export interface Plan {
  readonly service: string
  readonly handler: string | undefined
  /** What was asked for, as people read it. */
  readonly requires: readonly string[]
  readonly pools: readonly Pool<Seat>[]
  /** Look-ups of its service, by all its plans. */
  readonly uses: Uses
  /** Set at each use after the first, cleared by the sweep that looks for plans nobody uses (the CLOCK algorithm). */
  used: boolean
  /** What plain requests come to, as of this state of the catalogue. */
  readonly shortcut: Shortcut
}

/** Look-ups of one service so far. */
export interface Uses {
  hits: number
  misses: number
}

/** Where a look-up need not look again while nothing changed. */
export interface Shortcut {
  /** The catalogue's count of changes when it was found; -1 for never. */
  asOf: number
  /** Everybody's answer, if it is the same for all. */
  seat: Seat | undefined
  /** Who takes turns instead. */
  rotation: Roster<Seat> | undefined
  turn: Turn
  /** Neither: a strategy must be asked each time. */
  open: boolean
}

/** A step of the way to a plan: one requirement further. */
interface Step {
  plan: Plan | undefined
  own: Plan | undefined
  next: Map<string, Step> | undefined
}

/** Finds the plan of a request by walking its texts, without building a key. */
export class Plans {
  readonly #catalog: Catalog<Seat>
  readonly #defined: Definitions | undefined
  /** By service, for requests that name no handler. */
  readonly #open = new Map<string, Step>()
  /** By handler, then by service. */
  readonly #ofHandler = new Map<string, Map<string, Step>>()
  readonly #cached: { readonly plan: Plan; forget(): void }[] = []
  readonly #uses = new Map<string, Uses>()
  readonly #others: Uses = { hits: 0, misses: 0 }
  #hand = 0
  #closed = false

  /** What `defined` says counts when a plan is compiled: `clear` when it changes. */
  constructor(catalog: Catalog<Seat>, defined?: Definitions) {
    this.#catalog = catalog
    this.#defined = defined
  }

  get size(): number {
    return this.#cached.length
  }

  /** By service, from its first look-up on. */
  get uses(): ReadonlyMap<string, Readonly<Uses>> {
    return this.#uses
  }

  /** Throws `InvalidRequestError` for a request that is not one. */
  find(service: string, request: ServiceRequest): Plan {
    const { handler, requires } = request
    let step =
      handler === undefined ? this.#open.get(service) : this.#ofHandler.get(handler)?.get(service)
    if (requires !== undefined) {
      if (!Array.isArray(requires)) return this.#compile(service, request)
      for (let at = 0; at < requires.length && step !== undefined; at++)
        step = step.next?.get(requires[at])
    }
    const { fallbackToGlobal } = request
    const plan =
      fallbackToGlobal === false
        ? step?.own
        : fallbackToGlobal === undefined || fallbackToGlobal === true
          ? step?.plan
          : undefined
    if (plan === undefined) return this.#compile(service, request)
    plan.used = true
    return plan
  }

  clear(): void {
    for (const cached of this.#cached.splice(0)) cached.forget()
  }

  /** Without plans, whoever still asks, such as a client, comes through here. */
  close(): void {
    this.clear()
    this.#closed = true
  }

  #compile(service: string, request: ServiceRequest): Plan {
    if (this.#closed) throw new RegistryClosedError('find a provider')
    checkRequest(service, request)
    const { handler, requires = [], fallbackToGlobal = true } = request
    const texts = requires.map((input) => (typeof input === 'string' ? input : keyOfObject(input)))
    const before = this.#step(service, handler, texts)
    const known = fallbackToGlobal ? before.plan : before.own
    if (known !== undefined) {
      known.used = true // the object form, seen before
      return known
    }
    if (this.#cached.length >= mostPlans) this.#evict()
    const plan = this.#make(service, handler, requires, fallbackToGlobal)
    const step = this.#step(service, handler, texts) // the eviction may have pruned the one before
    if (fallbackToGlobal) step.plan = plan
    else step.own = plan
    this.#cached.push({
      plan,
      forget: () => {
        if (fallbackToGlobal) step.plan = undefined
        else step.own = undefined
        this.#prune(service, handler, texts)
        for (const pool of plan.pools) {
          pool.scope.giveBack(pool)
          this.#catalog.tidy(pool.scope)
        }
      },
    })
    return plan
  }

  #make(
    service: string,
    handler: string | undefined,
    requires: readonly RequirementInput[],
    fallbackToGlobal: boolean,
  ): Plan {
    const requirements = toRequirements(requires, this.#defined)
    const key = requirements.map((requirement) => requirement.key).join('\n')
    const own = handler !== undefined && handler !== everyHandler ? [handler] : []
    const handlers = fallbackToGlobal || own.length === 0 ? [...own, everyHandler] : own
    const pools = handlers.map((name) => this.#catalog.scope(service, name).lend(requirements, key))
    const texts = requirements.map(({ text }) => text)
    return {
      service,
      handler,
      requires: Object.freeze(texts),
      pools,
      uses: this.#usesOf(service),
      used: false,
      shortcut: noShortcut(),
    }
  }

  #usesOf(service: string): Uses {
    const known = this.#uses.get(service)
    if (known !== undefined) return known
    if (this.#uses.size >= mostCounted) return this.#others
    return getOrMake(this.#uses, service, () => ({ hits: 0, misses: 0 }))
  }

  #step(service: string, handler: string | undefined, texts: readonly string[]): Step {
    const steps =
      handler === undefined
        ? this.#open
        : getOrMake(this.#ofHandler, handler, () => new Map<string, Step>())
    let step = getOrMake(steps, service, newStep)
    for (const text of texts) {
      step.next ??= new Map()
      step = getOrMake(step.next, text, newStep)
    }
    return step
  }

  /** Takes away the steps that lead to no plan any more. */
  #prune(service: string, handler: string | undefined, texts: readonly string[]): void {
    const steps = handler === undefined ? this.#open : this.#ofHandler.get(handler)
    const first = steps?.get(service)
    if (steps === undefined || first === undefined || !pruned(first, texts, 0)) return
    steps.delete(service)
    if (handler !== undefined && steps.size === 0) this.#ofHandler.delete(handler)
  }

  /** Second chance: a plan used since the hand last passed stays. */
  #evict(): void {
    for (;;) {
      const cached = this.#cached[this.#hand % this.#cached.length]
      if (cached === undefined) return
      if (!cached.plan.used) {
        this.#cached.splice(this.#hand % this.#cached.length, 1)
        cached.forget()
        return
      }
      cached.plan.used = false
      this.#hand = (this.#hand + 1) % this.#cached.length
    }
  }
}

const noShortcut = (): Shortcut => ({
  asOf: -1,
  seat: undefined,
  rotation: undefined,
  turn: new Turn(),
  open: true,
})

const newStep = (): Step => ({ plan: undefined, own: undefined, next: undefined })

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

/** Whether nothing hangs on this step any more. */
function pruned(step: Step, texts: readonly string[], at: number): boolean {
  const text = texts[at]
  const next = text === undefined ? undefined : step.next?.get(text)
  if (text !== undefined && next !== undefined && pruned(next, texts, at + 1))
    step.next?.delete(text)
  return step.plan === undefined && step.own === undefined && (step.next?.size ?? 0) === 0
}

/** A text that stands for the object form and for nothing a user could write as text. */
function keyOfObject(input: Exclude<RequirementInput, string>): string {
  return `\n${canonical([input.name, input.minVersion, input.range, input.parameters])}`
}
