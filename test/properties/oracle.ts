/*
 * Resolution as the rules tell it, and nothing more: scan everything, filter, sort. No index, no
 * plan, no bit set. Times are given; circuits are the few words of rule 3 that a look-up depends on.
 */

export const recoveryMs = 5_000
export const failureThreshold = 3
export const successThreshold = 2
const leaseMs = 1_000

export type Strategy = 'fallback' | 'round-robin'
export type Health = 'healthy' | 'degraded' | 'unhealthy' | 'loading' | 'unknown'

export interface Capability {
  readonly name: string
  readonly version?: string
}

export type Requirement =
  | string
  | { readonly name: string; readonly minVersion?: string; readonly range?: string }

export interface Request {
  readonly handler?: string
  readonly requires?: readonly Requirement[]
  readonly where?: Readonly<Record<string, unknown>>
  readonly exclude?: readonly string[]
  readonly fallbackToGlobal?: boolean
}

export interface Fields {
  readonly handlers: readonly string[]
  readonly group: number
  readonly priority: number
  readonly capabilities: readonly Capability[]
  readonly metadata: Readonly<Record<string, unknown>>
}

export type Verdict =
  | { reason: 'incapable'; missing: string[] }
  | { reason: 'excluded'; constraint: string }
  | { reason: 'unhealthy' | 'loading' }
  | { reason: 'circuit-open' | 'cooling'; retryAfterMs: number }

type CircuitModel =
  | { kind: 'closed'; failures: number }
  | { kind: 'open'; retryAt: number }
  | { kind: 'half-open'; successes: number; probes: number[] }

export class ModelProvider {
  readonly name: string
  readonly serial: number
  fields: Fields
  health: Health = 'unknown'
  circuit: CircuitModel = { kind: 'closed', failures: 0 }
  coolUntil = Number.NEGATIVE_INFINITY

  constructor(name: string, serial: number, fields: Fields) {
    this.name = name
    this.serial = serial
    this.fields = fields
  }

  /** Rule 2.2 within a group. */
  get place(): readonly [number, number] {
    return [this.fields.priority, this.serial]
  }

  /** Open until it is reset. */
  get isIsolated(): boolean {
    return this.circuit.kind === 'open' && this.circuit.retryAt === Number.POSITIVE_INFINITY
  }

  isOpen(now: number): boolean {
    return this.circuit.kind === 'open' && now < this.circuit.retryAt
  }

  admittedAt(now: number): number {
    const { circuit } = this
    if (circuit.kind === 'closed') return now
    if (circuit.kind === 'open') return circuit.retryAt
    const live = circuit.probes.filter((until) => until > now)
    return live.length === 0 ? now : Math.min(...live)
  }

  refusal(now: number): Verdict | undefined {
    if (this.health === 'unhealthy' || this.health === 'loading') return { reason: this.health }
    const at = this.admittedAt(now)
    if (at > now) return { reason: 'circuit-open', retryAfterMs: at - now }
    if (this.coolUntil > now) return { reason: 'cooling', retryAfterMs: this.coolUntil - now }
    return undefined
  }

  /** Handed out by a look-up: a probe lease, unless the circuit is closed. */
  lease(now: number): void {
    if (this.circuit.kind === 'open') this.circuit = { kind: 'half-open', successes: 0, probes: [] }
    if (this.circuit.kind !== 'half-open') return
    this.circuit.probes = this.circuit.probes.filter((until) => until > now)
    this.circuit.probes.push(now + leaseMs)
  }

  /** What became of the lease that was just handed out. */
  settle(how: 'success' | 'failure' | 'neutral', now: number): void {
    const { circuit } = this
    if (circuit.kind === 'half-open') {
      circuit.probes.pop()
      if (how === 'failure') this.circuit = { kind: 'open', retryAt: now + recoveryMs }
      if (how !== 'success') return
      circuit.successes += 1
      if (circuit.successes >= successThreshold) this.circuit = { kind: 'closed', failures: 0 }
    } else if (circuit.kind === 'closed') this.#count(circuit, how, now)
  }

  failedCheck(now: number): void {
    if (this.circuit.kind === 'closed') this.#count(this.circuit, 'failure', now)
    else if (!this.isOpen(now)) this.circuit = { kind: 'open', retryAt: now + recoveryMs }
  }

  #count(circuit: { failures: number }, how: string, now: number): void {
    if (how === 'success') circuit.failures = 0
    if (how !== 'failure') return
    circuit.failures += 1
    if (circuit.failures >= failureThreshold)
      this.circuit = { kind: 'open', retryAt: now + recoveryMs }
  }
}

interface GroupModel {
  strategy: Strategy | undefined
  size: number
}

export class Oracle {
  readonly providers = new Map<string, ModelProvider>()
  readonly #groups = new Map<string, GroupModel>()
  /** Whose turn it was: the place of the one chosen last, by scope, group and requirements. */
  readonly #turns = new Map<string, readonly [number, number]>()
  #serial = 0

  /** Rule 1.5: whether a strategy that is named fits all the groups the provider would be in. */
  conflicts(fields: Fields, strategy: Strategy | undefined, leaving?: ModelProvider): boolean {
    return (
      strategy !== undefined &&
      fields.handlers.some((handler) => {
        const group = this.#groups.get(groupKey(handler, fields.group))
        if (group?.strategy === undefined || group.strategy === strategy) return false
        const alone =
          group.size === 1 &&
          leaving?.fields.group === fields.group &&
          leaving.fields.handlers.includes(handler)
        return !alone
      })
    )
  }

  register(name: string, fields: Fields, strategy: Strategy | undefined): ModelProvider {
    this.#serial += 1
    const provider = new ModelProvider(name, this.#serial, fields)
    this.providers.set(name, provider)
    this.#enter(fields, strategy)
    return provider
  }

  /** In place: the same circuit and turn of registration; groups it stays in go on. */
  change(
    provider: ModelProvider,
    fields: Fields,
    strategy: Strategy | undefined,
    renewed: boolean,
  ): void {
    const before = provider.fields
    const kept = before.handlers.map((handler) => groupKey(handler, before.group))
    for (const key of kept) {
      const group = this.#groups.get(key)
      if (group?.size === 1 && strategy !== undefined) group.strategy = undefined
    }
    provider.fields = fields
    this.#enter(fields, strategy)
    this.#leave(before)
    if (renewed) provider.health = 'unknown'
  }

  remove(provider: ModelProvider): void {
    this.providers.delete(provider.name)
    this.#leave(provider.fields)
  }

  clear(): void {
    this.providers.clear()
    this.#groups.clear()
    this.#turns.clear()
  }

  /** Every candidate in the order of rules 2.1 and 2.2, with what speaks against it. */
  candidates(
    request: Request,
    now: number,
  ): { provider: ModelProvider; scope: string; refusal: Verdict | undefined }[] {
    return scopesOf(request).flatMap((scope) =>
      [...this.providers.values()]
        .filter(({ fields }) => fields.handlers.includes(scope))
        .sort(byPlace)
        .map((provider) => ({ provider, scope, refusal: refusalOf(provider, request, now) })),
    )
  }

  choose(request: Request, now: number): ModelProvider | undefined {
    const admitted = this.candidates(request, now).filter(({ refusal }) => refusal === undefined)
    const first = admitted[0]
    if (first === undefined) return undefined
    const { group } = first.provider.fields
    const tier = admitted
      .filter(({ scope, provider }) => scope === first.scope && provider.fields.group === group)
      .map(({ provider }) => provider)
    if (this.#groups.get(groupKey(first.scope, group))?.strategy !== 'round-robin')
      return first.provider
    const key = turnKey(first.scope, group, request)
    const last = this.#turns.get(key)
    const next =
      (last && tier.find((provider) => comparePlaces(provider.place, last) > 0)) ?? first.provider
    return next
  }

  /** The same as a look-up: it is the next one's turn now. */
  take(request: Request, now: number): ModelProvider | undefined {
    const chosen = this.choose(request, now)
    if (chosen === undefined) return undefined
    const { scope } = this.candidates(request, now).find(
      ({ refusal }) => refusal === undefined,
    ) as { scope: string }
    const { group } = chosen.fields
    if (this.#groups.get(groupKey(scope, group))?.strategy === 'round-robin')
      this.#turns.set(turnKey(scope, group, request), chosen.place)
    chosen.lease(now)
    return chosen
  }

  #enter({ handlers, group }: Fields, strategy: Strategy | undefined): void {
    for (const handler of handlers) {
      const key = groupKey(handler, group)
      const own = this.#groups.get(key) ?? { strategy: undefined, size: 0 }
      own.size += 1
      own.strategy ??= strategy
      this.#groups.set(key, own)
    }
  }

  #leave({ handlers, group }: Fields): void {
    for (const handler of handlers) {
      const key = groupKey(handler, group)
      const own = this.#groups.get(key)
      if (own === undefined) continue
      own.size -= 1
      if (own.size > 0) continue
      this.#groups.delete(key)
      for (const turn of this.#turns.keys())
        if (turn.startsWith(`${key}|`)) this.#turns.delete(turn)
    }
  }
}

const groupKey = (handler: string, group: number): string => `${handler}|${group}`

const turnKey = (scope: string, group: number, { requires = [] }: Request): string =>
  `${groupKey(scope, group)}|${[...new Set(requires.map(normal))].sort().join('&')}`

/** Requirements that mean the same, written alike. */
const normal = (requirement: Requirement): string => {
  const { name, kind, text } = parts(requirement)
  return JSON.stringify([name, kind, text])
}

function parts(requirement: Requirement): {
  name: string
  kind: 'any' | 'range' | 'from'
  text: string
} {
  if (typeof requirement === 'string') {
    const [name = '', text] = requirement.split('@')
    return text === undefined ? { name, kind: 'any', text: '' } : { name, kind: 'range', text }
  }
  const { name, minVersion, range } = requirement
  if (minVersion !== undefined) return { name, kind: 'from', text: minVersion }
  return range === undefined
    ? { name, kind: 'any', text: '' }
    : { name, kind: 'range', text: range }
}

function scopesOf({ handler, fallbackToGlobal }: Request): string[] {
  const own = handler === undefined || handler === '*' ? [] : [handler]
  return fallbackToGlobal === false && own.length > 0 ? own : [...own, '*']
}

function refusalOf(
  provider: ModelProvider,
  { requires = [], exclude, where }: Request,
  now: number,
): Verdict | undefined {
  const { capabilities, metadata } = provider.fields
  const missing = requires.filter((one) => !capabilities.some((has) => fits(has, one)))
  if (missing.length > 0)
    return { reason: 'incapable', missing: [...new Set(missing.map(textOf))].sort() }
  if (exclude?.includes(provider.name)) return { reason: 'excluded', constraint: 'exclude' }
  for (const [key, value] of Object.entries(where ?? {}))
    if (metadata[key] !== value) return { reason: 'excluded', constraint: `where.${key}` }
  return provider.refusal(now)
}

function textOf(requirement: Requirement): string {
  const { name, kind, text } = parts(requirement)
  return kind === 'any' ? name : `${name}@${kind === 'from' ? `>=${text}` : text}`
}

function fits({ name, version }: Capability, requirement: Requirement): boolean {
  const asked = parts(requirement)
  if (name !== asked.name) return false
  if (asked.kind === 'any') return true
  if (version === undefined || !/^\d/.test(version)) return false
  const own = numbers(version)
  const bound = numbers(asked.text.replace(/^[^\d]*/, ''))
  if (compareNumbers(own, bound) < 0) return false
  if (asked.kind === 'from' || asked.text.startsWith('>=')) return true
  return asked.text.startsWith('^')
    ? own[0] === bound[0]
    : own[0] === bound[0] && own[1] === bound[1]
}

const numbers = (version: string): number[] => {
  const given = version.split('.').map(Number)
  return [given[0] ?? 0, given[1] ?? 0, given[2] ?? 0]
}

const compareNumbers = (a: readonly number[], b: readonly number[]): number => {
  for (const [at, value] of a.entries()) if (value !== b[at]) return value - (b[at] ?? 0)
  return 0
}

const comparePlaces = (a: readonly number[], b: readonly number[]): number => compareNumbers(a, b)

const byPlace = (a: ModelProvider, b: ModelProvider): number =>
  a.fields.group - b.fields.group || comparePlaces(a.place, b.place)
