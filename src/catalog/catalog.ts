import { StrategyConflictError } from '../core/errors.js'
import { everyHandler, type Provider } from '../model/provider.js'
import type { Strategy } from '../model/strategy.js'
import { type Member, Scope } from './scope.js'

/** Room for group (16 bits), priority (4) and the number of the registration (32) in one exact integer. */
const perPriority = 2 ** 32
const perGroup = 2 ** 36
const groupOffset = 2 ** 15

/** Group, then priority, then order of registration, as one number. */
export function orderOf({ group, priority }: Provider, serial: number): number {
  return (group + groupOffset) * perGroup + priority * perPriority + serial
}

/** No member of this group has a greater order. */
export const lastOrderOf = (group: number): number => (group + groupOffset + 1) * perGroup - 1

export const serialOf = (order: number): number => order % perPriority

/** Everything that is registered: one table by name, and a scope per service and handler. */
export class Catalog<M extends Member> {
  readonly #byName = new Map<string, M>()
  readonly #scopes = new Map<string, Map<string, Scope<M>>>()
  /** The scopes that have somebody with a capability of this name. */
  readonly #withCapability = new Map<string, Set<Scope<M>>>()

  /** Grows with each change of who there is and who may be chosen. */
  changes = 0

  get size(): number {
    return this.#byName.size
  }

  get(name: string): M | undefined {
    return this.#byName.get(name)
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  members(): IterableIterator<M> {
    return this.#byName.values()
  }

  /** The handlers that have a provider of this service. */
  handlersOf(service: string): readonly string[] {
    return [...(this.#scopes.get(service)?.values() ?? [])]
      .filter(({ members }) => members.size > 0)
      .map(({ handler }) => handler)
  }

  /** Throws when a group this provider would join has another strategy. Changes nothing. */
  checkStrategy(provider: Provider, strategy: Strategy | undefined, leaving?: M): void {
    if (strategy === undefined) return
    for (const handler of provider.handlers) {
      const group = this.find(provider.service, handler)?.groups.get(provider.group)
      if (group?.strategy === undefined || group.strategy.name === strategy.name) continue
      if (
        group.size === 1 &&
        leaving !== undefined &&
        sameGroup(leaving.provider, provider, handler)
      )
        continue
      const scope = handler === everyHandler ? 'all handlers' : `handler '${handler}'`
      const { service, group: number } = provider
      throw new StrategyConflictError(service, scope, number, group.strategy.name, strategy.name)
    }
  }

  put(member: M, strategy: Strategy | undefined): void {
    this.changes += 1
    const { name, service, handlers, group } = member.provider
    this.#byName.set(name, member)
    for (const handler of handlers) {
      const scope = this.scope(service, handler)
      scope.add(member)
      const own = scope.groups.get(group)
      if (own !== undefined) own.strategy ??= strategy
    }
  }

  remove(member: M): void {
    this.changes += 1
    this.#byName.delete(member.provider.name)
    for (const scope of this.#scopesOf(member)) {
      scope.remove(member)
      this.tidy(scope)
    }
  }

  /** `rewrite` gives the member another record. Groups it is alone in keep their strategy, if it stays. */
  change(member: M, strategy: Strategy | undefined, rewrite: () => void): void {
    const scopes = this.#scopesOf(member)
    const { group } = member.provider
    const alone = scopes.filter((scope) => scope.groups.get(group)?.size === 1)
    for (const scope of scopes) scope.hold(group)
    for (const scope of scopes) scope.remove(member)
    rewrite()
    if (strategy !== undefined) for (const scope of alone) scope.forgetStrategy(group)
    this.put(member, strategy)
    for (const scope of scopes) {
      scope.letGo(group)
      this.tidy(scope)
    }
  }

  #scopesOf({ provider: { service, handlers } }: M): Scope<M>[] {
    return handlers.flatMap((handler) => this.find(service, handler) ?? [])
  }

  /** `member.admissible` changed. */
  flip(member: M): void {
    this.changes += 1
    const { service, handlers } = member.provider
    for (const handler of handlers) this.find(service, handler)?.flip(member)
  }

  find(service: string, handler: string): Scope<M> | undefined {
    return this.#scopes.get(service)?.get(handler)
  }

  /** The scope, made if nobody is in it yet: a plan may be compiled before its providers come. */
  scope(service: string, handler: string): Scope<M> {
    let scopes = this.#scopes.get(service)
    if (scopes === undefined) {
      scopes = new Map()
      this.#scopes.set(service, scopes)
    }
    let scope = scopes.get(handler)
    if (scope === undefined) {
      const made: Scope<M> = new Scope(service, handler, (capability, has) => {
        this.#note(made, capability, has)
      })
      scope = made
      scopes.set(handler, scope)
    }
    return scope
  }

  /** Everybody with a capability of this name, each once; of one service, or of all. */
  having(capability: string, service?: string): readonly M[] {
    const found: M[] = []
    for (const scope of this.#withCapability.get(capability) ?? [])
      if (service === undefined || scope.service === service)
        for (const member of scope.having(capability))
          if (isFirst(member, scope.handler)) found.push(member)
    return found
  }

  #note(scope: Scope<M>, capability: string, has: boolean): void {
    const scopes = this.#withCapability.get(capability)
    if (!has) {
      scopes?.delete(scope)
      if (scopes?.size === 0) this.#withCapability.delete(capability)
    } else if (scopes === undefined) this.#withCapability.set(capability, new Set([scope]))
    else scopes.add(scope)
  }

  /** Forgets a scope that nothing refers to. */
  tidy(scope: Scope<M>): void {
    if (!scope.idle) return
    const scopes = this.#scopes.get(scope.service)
    if (scopes?.get(scope.handler) !== scope) return
    scopes.delete(scope.handler)
    if (scopes.size === 0) this.#scopes.delete(scope.service)
  }

  *scopes(): Generator<Scope<M>> {
    for (const scopes of this.#scopes.values()) yield* scopes.values()
  }
}

/** A provider of several handlers is in several scopes; the first one speaks for it. */
const isFirst = ({ provider: { handlers } }: Member, handler: string): boolean =>
  handlers.length === 1 || handlers[0] === handler

function sameGroup(before: Provider, after: Provider, handler: string): boolean {
  return (
    before.service === after.service &&
    before.group === after.group &&
    before.handlers.includes(handler)
  )
}
