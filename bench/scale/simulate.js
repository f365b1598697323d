// @ts-check
import { seeded } from '../world.js'

/**
 * A cell: providers that give signs of life to nodes, and nodes that share one Redis. A discrete-event simulation, the
 * same in every run: signs of life are due each `intervalMs`, up to a tenth of it early by chance, at a node each. A node
 * writes what it has gathered as one group, one group at a time. Redis does one thing at a time: a group is its script,
 * then a wake-up and a read of what changed for each other node.
 * @typedef {{ providers: number, nodes: number, intervalMs: number, seconds: number }} Cell
 * @param {Cell} cell
 * @param {import('./constants.js').Constants} cost
 */
export function simulate({ providers, nodes, intervalMs, seconds }, cost) {
  const random = seeded(1)
  const chance = () => random(2 ** 30) / 2 ** 30
  const roundTripMs = 0.5
  const endMs = seconds * 1_000
  const beats = new Heap()
  for (let i = 0; i < providers; i++) beats.push(chance() * intervalMs, i)
  const pending = new Uint32Array(nodes)
  /** When the oldest that waits at a node came. */
  const since = new Float64Array(nodes)
  const writing = new Uint8Array(nodes)
  const written = new Heap()
  let redisFree = 0
  let busyMs = 0
  let groups = 0
  let changes = 0
  /** @type {number[]} */
  const lateMs = []

  const write = (/** @type {number} */ node, /** @type {number} */ now) => {
    const size = pending[node]
    pending[node] = 0
    writing[node] = 1
    const others = nodes - 1
    const us =
      cost.writeGroupUs +
      (size - 1) * cost.writeChangeUs +
      others * (cost.wakeUs + cost.callUs + (size - 1) * cost.fieldUs)
    const start = Math.max(now + roundTripMs / 2, redisFree)
    redisFree = start + us / 1e3
    busyMs += us / 1e3
    groups += 1
    changes += size
    lateMs.push(redisFree + roundTripMs - since[node])
    written.push(redisFree + roundTripMs / 2, node)
  }
  for (;;) {
    const beat = beats.peek()
    const done = written.peek()
    const now = Math.min(beat, done)
    if (now > endMs) break
    if (done <= beat) {
      const node = written.pop()
      writing[node] = 0
      if (pending[node] > 0) write(node, now)
      continue
    }
    const provider = beats.pop()
    beats.push(now + intervalMs * (1 - 0.1 * chance()), provider)
    const node = provider % nodes
    if (pending[node] === 0) since[node] = now
    pending[node] += 1
    if (writing[node] === 0) write(node, now)
  }
  lateMs.sort((a, b) => a - b)
  const at = (/** @type {number} */ share) => lateMs[Math.floor(lateMs.length * share)] ?? 0
  return {
    changesPerSecond: changes / seconds,
    groupsPerSecond: groups / seconds,
    perGroup: changes / groups,
    /** What Redis was asked to do, to what it can: above 1 it never gets done. */
    load: busyMs / endMs,
    behindMs: Math.max(0, redisFree - endMs),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  }
}

/** Times, and what is due then, soonest first. */
class Heap {
  /** @type {number[]} */ #times = []
  /** @type {number[]} */ #whats = []

  peek() {
    return this.#times[0] ?? Number.POSITIVE_INFINITY
  }

  /** @param {number} time @param {number} what */
  push(time, what) {
    let at = this.#times.push(time) - 1
    this.#whats.push(what)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#times[parent] <= time) break
      this.#swap(at, parent)
      at = parent
    }
  }

  pop() {
    const [first] = this.#whats
    const time = /** @type {number} */ (this.#times.pop())
    const what = /** @type {number} */ (this.#whats.pop())
    const size = this.#times.length
    if (size === 0) return first
    this.#times[0] = time
    this.#whats[0] = what
    for (let at = 0; ; ) {
      let child = at * 2 + 1
      if (child + 1 < size && this.#times[child + 1] < this.#times[child]) child += 1
      if (child >= size || this.#times[child] >= this.#times[at]) return first
      this.#swap(at, child)
      at = child
    }
  }

  /** @param {number} a @param {number} b */
  #swap(a, b) {
    const [time, what] = [this.#times[a], this.#whats[a]]
    this.#times[a] = this.#times[b]
    this.#whats[a] = this.#whats[b]
    this.#times[b] = time
    this.#whats[b] = what
  }
}
