/** One provider's place in the order of rule: group, then priority, then registration. */
export interface Placed {
  /** Smaller goes first; unique. */
  readonly order: number
  /** Whether it may be chosen now. */
  readonly admissible: boolean
}

const chunkSize = 512
const wordBits = 32
const words = chunkSize / wordBits

/** Up to 512 members in order, one bit each for "may be chosen". */
interface Chunk<M> {
  readonly orders: number[]
  readonly members: M[]
  readonly bits: Int32Array
  /** Which words have a bit set. */
  summary: number
}

const noChunk: Chunk<never> = { orders: [], members: [], bits: new Int32Array(0), summary: 0 }

/**
 * Whose turn it was, by place in the order; with a note of who comes next in the same word of bits,
 * good until anything about the roster changes.
 */
export class Turn {
  order: number = Number.NEGATIVE_INFINITY
  /** @internal */
  version = -1
  /** @internal */
  at = 0
  /** @internal */
  chunk: Chunk<unknown> = noChunk
  /** @internal */
  word = 0
  /** @internal */
  rest = 0

  /** Makes it the turn of another, who was found without the note. */
  moveTo(order: number): void {
    this.order = order
    this.version = -1
  }
}

/**
 * An ordered set that finds the first member that may be chosen, or the next one after a place,
 * without looking at the others: a bit per member, a bit per word of those, and a bit per chunk.
 *
 * Members sit in sorted chunks, so that adding, removing and flipping one costs a binary search and
 * a move within a chunk, however many members there are.
 */
export class Roster<M extends Placed> {
  readonly #chunks: Chunk<M>[] = []
  /** One bit per chunk that has an admissible member. */
  #live: number[] = []
  #size = 0
  #admissible = 0
  /** Grows with every change of what may be chosen. */
  version = 0

  get size(): number {
    return this.#size
  }

  /** How many may be chosen now. */
  get admissible(): number {
    return this.#admissible
  }

  /** Fills an empty roster from members in order, without a search for each. */
  static of<M extends Placed>(ordered: readonly M[]): Roster<M> {
    const roster = new Roster<M>()
    for (let from = 0; from < ordered.length; from += chunkSize / 2)
      roster.#append(ordered.slice(from, from + chunkSize / 2))
    return roster
  }

  add(member: M): void {
    let at = this.#chunkFor(member.order)
    let chunk = this.#chunks[at]
    if (chunk?.members.length === chunkSize) {
      const newest = at === this.#chunks.length - 1 && member.order > (chunk.orders.at(-1) ?? 0)
      if (!newest) this.#split(at)
      at = newest ? at + 1 : this.#chunkFor(member.order)
      chunk = this.#chunks[at]
    }
    if (chunk === undefined) {
      this.#append([member])
      return
    }
    const place = lowerBound(chunk.orders, member.order)
    if (chunk.orders[place] === member.order) return
    this.#size += 1
    if (place === chunk.members.length) {
      chunk.orders.push(member.order)
      chunk.members.push(member)
      this.flip(member)
      return
    }
    chunk.orders.splice(place, 0, member.order)
    chunk.members.splice(place, 0, member)
    makeRoom(chunk.bits, place)
    this.#moved(chunk, at)
    this.flip(member)
  }

  remove(member: M): void {
    const at = this.#chunkFor(member.order)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return
    const place = lowerBound(chunk.orders, member.order)
    if (chunk.members[place] !== member) return
    chunk.orders.splice(place, 1)
    chunk.members.splice(place, 1)
    this.#size -= 1
    this.#admissible -= closeGap(chunk.bits, place)
    this.#moved(chunk, at)
    if (chunk.members.length > 0) return
    this.#chunks.splice(at, 1)
    this.#relive()
  }

  /** Takes note that `member.admissible` changed. Members it does not hold are none of its business. */
  flip(member: M): void {
    const at = this.#chunkFor(member.order)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return
    const place = lowerBound(chunk.orders, member.order)
    if (chunk.members[place] !== member) return
    const word = place >> 5
    const before = chunk.bits[word] ?? 0
    const bit = 1 << (place & 31)
    const after = member.admissible ? before | bit : before & ~bit
    if (after === before) return
    chunk.bits[word] = after
    this.version += 1
    this.#admissible += member.admissible ? 1 : -1
    chunk.summary = after === 0 ? chunk.summary & ~(1 << word) : chunk.summary | (1 << word)
    this.#mark(at, chunk.summary !== 0)
  }

  has(member: M): boolean {
    const chunk = this.#chunks[this.#chunkFor(member.order)]
    return chunk !== undefined && chunk.members[lowerBound(chunk.orders, member.order)] === member
  }

  /** The first that may be chosen. */
  first(): M | undefined {
    const chunk = this.#chunks[this.#nextLive(0)]
    return chunk?.members[placeFrom(chunk, 0)]
  }

  /** The first that may be chosen and whose order is greater. */
  after(order: number): M | undefined {
    const at = this.#chunkFor(order)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return undefined
    const place = placeFrom(chunk, upperBound(chunk.orders, order))
    if (place >= 0) return chunk.members[place]
    const next = this.#chunks[this.#nextLive(at + 1)]
    return next?.members[placeFrom(next, 0)]
  }

  /** The one after whose turn it was, round again at the end; it is its turn now. */
  next(turn: Turn): M | undefined {
    if (turn.version !== this.version) this.#locate(turn)
    if (turn.rest === 0 && !this.#forward(turn)) return undefined
    const place = (turn.word << 5) + lowestBit(turn.rest)
    turn.rest &= turn.rest - 1
    turn.order = turn.chunk.orders[place] ?? turn.order
    return turn.chunk.members[place] as M
  }

  /** Finds the note of a turn anew: what follows its order in the same word. */
  #locate(turn: Turn): void {
    turn.version = this.version
    turn.at = this.#chunkFor(turn.order)
    turn.chunk = this.#chunks[turn.at] ?? noChunk
    const place = upperBound(turn.chunk.orders, turn.order)
    turn.word = place >> 5
    turn.rest = (turn.chunk.bits[turn.word] ?? 0) & (-1 << (place & 31))
  }

  /** On to the next word that has a bit, in this chunk or another; false when there is none at all. */
  #forward(turn: Turn): boolean {
    let later = turn.word >= words - 1 ? 0 : turn.chunk.summary & (-1 << (turn.word + 1))
    if (later === 0) {
      const next = this.#nextLive(turn.at + 1)
      turn.at = next < 0 ? this.#nextLive(0) : next
      turn.chunk = this.#chunks[turn.at] ?? noChunk
      later = turn.chunk.summary
    }
    if (later === 0) return false
    turn.word = lowestBit(later)
    turn.rest = turn.chunk.bits[turn.word] ?? 0
    return true
  }

  /** All members in order, admissible or not. */
  *[Symbol.iterator](): Generator<M> {
    for (const { members } of this.#chunks) yield* members
  }

  #append(members: readonly M[]): void {
    const chunk: Chunk<M> = {
      orders: members.map(({ order }) => order),
      members: [...members],
      bits: new Int32Array(words),
      summary: 0,
    }
    this.#size += members.length
    this.#chunks.push(chunk)
    this.#rebuild(chunk, this.#chunks.length - 1)
  }

  #split(at: number): void {
    const chunk = this.#chunks[at] as Chunk<M>
    const half = chunkSize / 2
    const upper: Chunk<M> = {
      orders: chunk.orders.splice(half),
      members: chunk.members.splice(half),
      bits: new Int32Array(words),
      summary: 0,
    }
    this.#chunks.splice(at + 1, 0, upper)
    this.#rebuild(upper, at + 1)
    this.#rebuild(chunk, at)
    this.#relive()
  }

  /** Members of a chunk, and their bits, moved by one place. */
  #moved(chunk: Chunk<M>, at: number): void {
    this.version += 1
    chunk.summary = 0
    for (let word = 0; word < words; word++) if (chunk.bits[word] !== 0) chunk.summary |= 1 << word
    this.#mark(at, chunk.summary !== 0)
  }

  /** Makes the bits of a chunk anew from its members. */
  #rebuild(chunk: Chunk<M>, at: number): void {
    const { bits, members } = chunk
    this.version += 1
    this.#admissible -= ones(bits)
    bits.fill(0)
    chunk.summary = 0
    for (let place = 0; place < members.length; place++) {
      if (!members[place]?.admissible) continue
      const word = place >> 5
      bits[word] = (bits[word] ?? 0) | (1 << (place & 31))
      chunk.summary |= 1 << word
    }
    this.#admissible += ones(bits)
    this.#mark(at, chunk.summary !== 0)
  }

  #mark(at: number, live: boolean): void {
    const word = at >> 5
    while (this.#live.length <= word) this.#live.push(0)
    const bit = 1 << (at & 31)
    const before = this.#live[word] ?? 0
    this.#live[word] = live ? before | bit : before & ~bit
  }

  #relive(): void {
    this.#live = []
    for (const [at, { summary }] of this.#chunks.entries()) this.#mark(at, summary !== 0)
  }

  /** The first chunk from `from` on with an admissible member. */
  #nextLive(from: number): number {
    const live = this.#live
    let word = from >> 5
    let set = (live[word] ?? 0) & (-1 << (from & 31))
    while (set === 0) {
      word += 1
      if (word >= live.length) return -1
      set = live[word] ?? 0
    }
    return (word << 5) + lowestBit(set)
  }

  /** The chunk in which this order is, or would be. */
  #chunkFor(order: number): number {
    const chunks = this.#chunks
    let low = 0
    let high = chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((chunks[middle]?.orders[0] ?? 0) <= order) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** The place of the first admissible member of a chunk from `place` on; -1 when there is none. */
function placeFrom<M>(chunk: Chunk<M>, place: number): number {
  if (place >= chunkSize) return -1
  const word = place >> 5
  const rest = (chunk.bits[word] ?? 0) & (-1 << (place & 31))
  if (rest !== 0) return (word << 5) + lowestBit(rest)
  const later = word === words - 1 ? 0 : chunk.summary & (-1 << (word + 1))
  if (later === 0) return -1
  const next = lowestBit(later)
  return (next << 5) + lowestBit(chunk.bits[next] ?? 0)
}

const lowestBit = (set: number): number => 31 - Math.clz32(set & -set)

/** Moves all bits from `place` on one up; the bit at `place` is 0 then. */
function makeRoom(bits: Int32Array, place: number): void {
  const first = place >> 5
  for (let word = words - 1; word > first; word--)
    bits[word] = ((bits[word] ?? 0) << 1) | ((bits[word - 1] ?? 0) >>> 31)
  const below = lowerBits(place & 31)
  const own = bits[first] ?? 0
  bits[first] = (own & below) | ((own & ~below) << 1)
}

/** Takes the bit at `place` out and moves all after it one down; gives the bit. */
function closeGap(bits: Int32Array, place: number): number {
  const first = place >> 5
  const below = lowerBits(place & 31)
  const own = bits[first] ?? 0
  const taken = (own >>> (place & 31)) & 1
  bits[first] = (own & below) | ((own >>> 1) & ~below) | (((bits[first + 1] ?? 0) & 1) << 31)
  for (let word = first + 1; word < words; word++)
    bits[word] = ((bits[word] ?? 0) >>> 1) | (((bits[word + 1] ?? 0) & 1) << 31)
  return taken
}

/** The bits below this one. */
const lowerBits = (bit: number): number => (1 << bit) - 1

function ones(bits: Int32Array): number {
  let count = 0
  for (let word of bits) for (; word !== 0; word &= word - 1) count += 1
  return count
}

/** The first place whose value is not smaller. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}

function upperBound(sorted: readonly number[], value: number): number {
  const place = lowerBound(sorted, value)
  return sorted[place] === value ? place + 1 : place
}
