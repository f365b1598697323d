import { isDeepStrictEqual } from 'node:util'
import { lastOrderOf } from '../catalog/catalog.js'
import { type Pool, turnOf } from '../catalog/scope.js'
import { StrategyFailedError } from '../core/errors.js'
import { checkRequest } from '../model/parse/request.js'
import type { ServiceRequest } from '../model/request.js'
import type { Candidate, NonEmpty, PickRequest, Strategy } from '../model/strategy.js'
import { inOrder, inTurn } from '../strategy/built-in.js'
import { rendezvous } from '../strategy/rendezvous.js'
import type { Plan } from './plan.js'
import { type Seat, seatOf } from './seat.js'

/** What keeps a provider from being chosen besides its own state. */
export interface Filter {
  /** Only providers that have an instance: a sync look-up cannot wait for `connect`. */
  readonly connected: boolean
  /** Called for each provider that was passed over because it has none yet. */
  connect?(seat: Seat): void
  readonly skip?: ReadonlySet<Seat> | undefined
  /** Only look: whose turn it is stays as it was. */
  readonly peek?: boolean
}

export const anySeat: Filter = { connected: false }

/** The provider for this request, or `undefined`. Only rotation state changes. */
export function select(plan: Plan, request: ServiceRequest, filter: Filter): Seat | undefined {
  for (const pool of plan.pools) {
    const seat = selectIn(pool, request, filter)
    if (seat !== undefined) return seat
  }
  return undefined
}

/** What `select` would give, changing nothing; `undefined` too where a strategy leaves it to chance. */
export function foresee(plan: Plan, request: ServiceRequest): Seat | undefined {
  const seat = select(plan, request, looking)
  return seat === somebody ? undefined : seat
}

const looking: Filter = { connected: false, peek: true }
/** Stands for one of a group that nobody can name yet: the groups after it are not asked. */
const somebody = Object.freeze({}) as Seat

/**
 * `select` for a request without constraints, when everybody is connected: the usual one. `changes`
 * is the catalogue's count; while it stands, what was found before holds.
 */
export function selectPlain(plan: Plan, changes: number): Seat | undefined {
  const { shortcut } = plan
  if (shortcut.asOf !== changes) findShortcut(plan, changes)
  if (shortcut.rotation !== undefined) return shortcut.rotation.next(shortcut.turn)
  return shortcut.open ? select(plan, noConstraints, anySeat) : shortcut.seat
}

function findShortcut({ pools, shortcut }: Plan, changes: number): void {
  shortcut.asOf = changes
  shortcut.seat = undefined
  shortcut.rotation = undefined
  shortcut.open = false
  for (const pool of pools) {
    const first = pool.roster.first()
    if (first === undefined) continue
    const { only } = pool.scope
    const strategy = pool.scope.groups.get(first.provider.group)?.strategy ?? inOrder
    if (strategy === inOrder) shortcut.seat = first
    else if (strategy === inTurn && only !== undefined) {
      shortcut.rotation = pool.roster
      shortcut.turn = turnOf(pool, only.number)
    } else shortcut.open = true
    return
  }
}

const noConstraints: ServiceRequest = Object.freeze({})

/** Whether the request asks for nothing but capabilities. */
export function isPlain(request: ServiceRequest): boolean {
  return (
    request.where === undefined &&
    request.exclude === undefined &&
    request.key === undefined &&
    request.tenant === undefined
  )
}

/** Whether its plan was all there is to check: with a field nobody knows, or constraints, it was not. */
export function isChecked(request: ServiceRequest): boolean {
  if (typeof request !== 'object') return false
  for (const key in request)
    if (key !== 'handler' && key !== 'requires' && key !== 'fallbackToGlobal') return false
  return true
}

/** Group by group; within one, its strategy chooses, or the key of the request. */
function selectIn(pool: Pool<Seat>, request: ServiceRequest, filter: Filter): Seat | undefined {
  let seat = pool.roster.first()
  if (seat === undefined) return undefined
  const narrow = narrows(request, filter)
  while (seat !== undefined) {
    const { group } = seat.provider
    const chosen = choose(pool, seat, request, filter, narrow)
    if (chosen !== undefined) return chosen
    seat = pool.roster.after(lastOrderOf(group))
  }
  return undefined
}

function choose(
  pool: Pool<Seat>,
  first: Seat,
  request: ServiceRequest,
  filter: Filter,
  narrow: boolean,
): Seat | undefined {
  const strategy = pool.scope.groups.get(first.provider.group)?.strategy ?? inOrder
  if (request.key !== undefined) return pick(pool, first, keyed, request, filter, narrow)
  if (strategy === inOrder) return narrow ? fitFrom(pool, first, request, filter) : first
  if (strategy === inTurn) return nextFit(pool, first, request, filter, narrow)
  return pick(pool, first, strategy, request, filter, narrow)
}

function narrows(request: ServiceRequest, filter: Filter): boolean {
  return (
    filter.connected ||
    filter.skip !== undefined ||
    request.exclude !== undefined ||
    request.where !== undefined
  )
}

/** Whether the request and the filter leave this provider in. */
function fits(seat: Seat, request: ServiceRequest, filter: Filter): boolean {
  if (filter.skip?.has(seat)) return false
  if (excludedBy(seat, request) !== undefined) return false
  if (filter.connected && seat.instance === undefined) {
    filter.connect?.(seat)
    return false
  }
  return true
}

/** The hard constraint of the request that this provider breaks. */
export function excludedBy(seat: Seat, { exclude, where }: ServiceRequest): string | undefined {
  if (exclude?.includes(seat.provider.name)) return 'exclude'
  if (where === undefined) return undefined
  const { metadata } = seat.provider
  for (const [key, value] of Object.entries(where)) {
    const own = Object.hasOwn(metadata, key) ? metadata[key] : undefined
    if (own !== value && !isDeepStrictEqual(own, value)) return `where.${key}`
  }
  return undefined
}

/**
 * Hard constraints that are of the wrong shape, or misspelt, must not silently let everybody in. The
 * rest of the request was checked when its plan was made.
 */
export function checkConstraints(service: string, request: ServiceRequest): void {
  if (typeof request !== 'object') checkRequest(service, request)
  for (const key in request)
    if (!isFit(key, request[key as keyof ServiceRequest])) checkRequest(service, request)
}

function isFit(key: string, value: unknown): boolean {
  switch (key) {
    case 'where':
      return value === undefined || isPlainObject(value)
    case 'exclude':
      return value === undefined || (Array.isArray(value) && value.every(isText))
    case 'key':
    case 'tenant':
      return value === undefined || isText(value)
    default:
      return key === 'handler' || key === 'requires' || key === 'fallbackToGlobal'
  }
}

const isText = (value: unknown): boolean => typeof value === 'string'

const isPlainObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** The one after the one that was chosen last, by place in the order; round again at the end. */
function nextFit(
  pool: Pool<Seat>,
  first: Seat,
  request: ServiceRequest,
  filter: Filter,
  narrow: boolean,
): Seat | undefined {
  const { group } = first.provider
  const turn = turnOf(pool, group)
  const after = pool.roster.after(turn.order)
  const start = after !== undefined && after.provider.group === group ? after : first
  const chosen = narrow
    ? (fitFrom(pool, start, request, filter) ?? fitFrom(pool, first, request, filter))
    : start
  if (chosen !== undefined && !filter.peek) turn.moveTo(chosen.order)
  return chosen
}

/** The first from this one on, within its group, that the request and the filter leave in. */
function fitFrom(
  pool: Pool<Seat>,
  from: Seat,
  request: ServiceRequest,
  filter: Filter,
): Seat | undefined {
  const { group } = from.provider
  let seat: Seat | undefined = from
  while (seat !== undefined && seat.provider.group === group) {
    if (fits(seat, request, filter)) return seat
    seat = pool.roster.after(seat.order)
  }
  return undefined
}

/** The admissible members of the group of `from`, from it on. */
function* admissible({ roster }: Pool<Seat>, from: Seat): Generator<Seat> {
  const { group } = from.provider
  let seat: Seat | undefined = from
  while (seat !== undefined && seat.provider.group === group) {
    yield seat
    seat = roster.after(seat.order)
  }
}

// --- strategies that look at candidates ------------------------------------------------------

const keyed: Strategy = {
  name: 'key',
  pick: (candidates, { key = '' }) => rendezvous(candidates, key),
  peek: (candidates, { key = '' }) => rendezvous(candidates, key),
}

/** What a strategy was last offered of one group of a pool; made anew when the admissible set changed. */
interface Offer {
  version: number
  candidates: readonly Candidate[]
}

const offers = new WeakMap<Pool<Seat>, Map<number, Offer>>()

function pick(
  pool: Pool<Seat>,
  first: Seat,
  strategy: Strategy,
  request: ServiceRequest,
  filter: Filter,
  narrow: boolean,
): Seat | undefined {
  const offer = offerOf(pool, first)
  const candidates = narrow
    ? [...admissible(pool, first)].filter((seat) => fits(seat, request, filter)).map(candidateOf)
    : offer.candidates
  if (!isNonEmpty(candidates)) return undefined
  const { handler, key, tenant } = request
  const { service } = pool.scope
  const asked: PickRequest = { service, handler, key, tenant, pool: offer }
  const unforeseen = filter.peek && strategy.peek === undefined
  if (unforeseen && candidates.length > 1) return somebody
  const picked = unforeseen ? candidates[0] : ask(strategy, filter.peek === true, candidates, asked)
  const seat = seatOf(picked)
  if (seat?.admissible && pool.roster.has(seat) && fits(seat, request, filter)) return seat
  throw new StrategyFailedError(
    strategy.name,
    `must return one of the candidates it was given for "${pool.scope.service}", and returned something else`,
  )
}

function offerOf(pool: Pool<Seat>, first: Seat): Offer {
  const { group } = first.provider
  let groups = offers.get(pool)
  if (groups === undefined) {
    groups = new Map()
    offers.set(pool, groups)
  }
  let offer = groups.get(group)
  if (offer === undefined) {
    offer = { version: -1, candidates: [] }
    groups.set(group, offer)
  }
  if (offer.version !== pool.roster.version) {
    offer.version = pool.roster.version
    offer.candidates = Object.freeze([...admissible(pool, first)].map(candidateOf))
  }
  return offer
}

const candidateOf = ({ candidate }: Seat): Candidate => candidate

const isNonEmpty = <T>(list: readonly T[]): list is NonEmpty<T> => list.length > 0

function ask(
  strategy: Strategy,
  peek: boolean,
  candidates: NonEmpty<Candidate>,
  request: PickRequest,
): Candidate | undefined {
  try {
    return peek ? strategy.peek?.(candidates, request) : strategy.pick(candidates, request)
  } catch (error) {
    throw new StrategyFailedError(strategy.name, `threw while choosing for "${request.service}"`, {
      cause: error,
    })
  }
}
