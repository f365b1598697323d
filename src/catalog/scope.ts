import { meets, type Requirement } from '../model/capability.js'
import type { Provider } from '../model/provider.js'
import type { Strategy } from '../model/strategy.js'
import { type Placed, Roster, Turn } from './roster.js'

/** A provider as the catalogue holds it. */
export interface Member extends Placed {
  readonly provider: Provider
  order: number
}

/** Providers of one group number. Its strategy belongs to the group, not to a provider. */
export interface Group {
  readonly number: number
  strategy: Strategy | undefined
  size: number
}

/** The members of a scope that meet the same requirements, and where their rotation stands. */
export interface Pool<M extends Member> {
  readonly scope: Scope<M>
  readonly requirements: readonly Requirement[]
  readonly key: string
  readonly roster: Roster<M>
  /** Whose turn it was, per group. */
  readonly turns: Map<number, Turn>
  /** Plans that use it. */
  lent: number
}

/**
 * What one handler (or everybody, `*`) may use of one service, with an index by capability and the
 * pools that plans were compiled to. A change touches the pools it concerns and nothing else.
 */
export class Scope<M extends Member> {
  readonly service: string
  readonly handler: string
  readonly members: Set<M> = new Set()
  readonly groups: Map<number, Group> = new Map()
  /** The only group, if there is just one: most scopes need no look at the others. */
  only: Group | undefined = undefined
  readonly #byCapability = new Map<string, Set<M>>()
  /** Told when it gets its first provider with a capability, and when it loses the last. */
  readonly #known: (capability: string, has: boolean) => void
  readonly #pools = new Map<string, Pool<M>>()
  /** Pools by the name of their first requirement, '' for none: a provider concerns only those it could be in. */
  readonly #poolsByName = new Map<string, Set<Pool<M>>>()

  constructor(
    service: string,
    handler: string,
    known: (capability: string, has: boolean) => void = () => {},
  ) {
    this.service = service
    this.handler = handler
    this.#known = known
  }

  /** Its members with a capability of this name, of any version. */
  having(capability: string): ReadonlySet<M> {
    return this.#byCapability.get(capability) ?? nobody
  }

  /** Nobody is in it and nobody looks at it. */
  get idle(): boolean {
    return this.members.size === 0 && this.#pools.size === 0
  }

  add(member: M): void {
    const { group, capabilities } = member.provider
    this.members.add(member)
    const own = this.groups.get(group)
    if (own === undefined) this.#group({ number: group, strategy: undefined, size: 1 })
    else own.size += 1
    for (const { name } of capabilities) {
      const having = this.#byCapability.get(name)
      if (having === undefined) {
        this.#byCapability.set(name, new Set([member]))
        this.#known(name, true)
      } else having.add(member)
    }
    for (const pool of this.#concerned(member))
      if (fits(member, pool.requirements)) pool.roster.add(member)
  }

  remove(member: M): void {
    const { group, capabilities } = member.provider
    for (const pool of this.#concerned(member)) pool.roster.remove(member)
    for (const { name } of capabilities) {
      const having = this.#byCapability.get(name)
      having?.delete(member)
      if (having?.size !== 0) continue
      this.#byCapability.delete(name)
      this.#known(name, false)
    }
    this.members.delete(member)
    this.letGo(group)
  }

  /** The group stays although its last member leaves, because that one is about to come back. */
  hold(group: number): void {
    const own = this.groups.get(group)
    if (own !== undefined) own.size += 1
  }

  letGo(group: number): void {
    const own = this.groups.get(group)
    if (own === undefined) return
    own.size -= 1
    if (own.size > 0) return
    this.groups.delete(group)
    this.only = this.groups.size === 1 ? [...this.groups.values()][0] : undefined
    for (const pool of this.#pools.values()) pool.turns.delete(group)
  }

  forgetStrategy(group: number): void {
    const own = this.groups.get(group)
    if (own !== undefined) own.strategy = undefined
  }

  #group(group: Group): void {
    this.groups.set(group.number, group)
    this.only = this.groups.size === 1 ? group : undefined
  }

  flip(member: M): void {
    for (const pool of this.#concerned(member)) pool.roster.flip(member)
  }

  /** The pool of these requirements, compiled once; to be given back. */
  lend(requirements: readonly Requirement[], key: string): Pool<M> {
    let pool = this.#pools.get(key)
    if (pool === undefined) {
      pool = this.#compile(requirements, key)
      this.#pools.set(key, pool)
      const name = nameOf(pool)
      const named = this.#poolsByName.get(name)
      if (named === undefined) this.#poolsByName.set(name, new Set([pool]))
      else named.add(pool)
    }
    pool.lent += 1
    return pool
  }

  giveBack(pool: Pool<M>): void {
    pool.lent -= 1
    if (pool.lent > 0) return
    this.#pools.delete(pool.key)
    const named = this.#poolsByName.get(nameOf(pool))
    named?.delete(pool)
    if (named?.size === 0) this.#poolsByName.delete(nameOf(pool))
  }

  forgetTurns(): void {
    for (const pool of this.#pools.values()) pool.turns.clear()
  }

  #compile(requirements: readonly Requirement[], key: string): Pool<M> {
    const members = [...this.#rarest(requirements)]
      .filter((member) => fits(member, requirements))
      .sort((a, b) => a.order - b.order)
    return { scope: this, requirements, key, roster: Roster.of(members), turns: new Map(), lent: 0 }
  }

  /** The fewest members among which all that fit are. */
  #rarest(requirements: readonly Requirement[]): Iterable<M> {
    let rarest: ReadonlySet<M> = this.members
    for (const { name } of requirements) {
      const having = this.#byCapability.get(name)
      if (having === undefined) return []
      if (having.size < rarest.size) rarest = having
    }
    return rarest
  }

  *#concerned(member: M): Generator<Pool<M>> {
    const open = this.#poolsByName.get('')
    if (open !== undefined) yield* open
    let last: string | undefined
    for (const { name } of member.provider.capabilities) {
      if (name === last) continue // versions of one capability stand together
      last = name
      const named = this.#poolsByName.get(name)
      if (named !== undefined) yield* named
    }
  }
}

const nobody: ReadonlySet<never> = new Set()

const nameOf = <M extends Member>({ requirements }: Pool<M>): string => requirements[0]?.name ?? ''

function fits({ provider }: Member, requirements: readonly Requirement[]): boolean {
  return requirements.every((requirement) => meets(provider.capabilities, requirement))
}

/** Whose turn it was in this group of the pool; nobody's yet, the first time. */
export function turnOf<M extends Member>({ turns }: Pool<M>, group: number): Turn {
  let turn = turns.get(group)
  if (turn === undefined) {
    turn = new Turn()
    turns.set(group, turn)
  }
  return turn
}
