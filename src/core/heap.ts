/** Something that falls due. `slot` is its place in a heap, -1 while in none. */
export interface Timed {
  at: number
  slot: number
}

/** A binary min-heap by `at` whose members know their place, so that any of them can leave in O(log n). */
export class DueHeap<T extends Timed> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  get first(): T | undefined {
    return this.#items[0]
  }

  /** All of them, the earliest first and the others in no order. */
  get items(): readonly T[] {
    return this.#items
  }

  /** The earliest `at`, or Infinity when empty. */
  get nextAt(): number {
    return this.#items[0]?.at ?? Number.POSITIVE_INFINITY
  }

  push(item: T): void {
    item.slot = this.#items.length
    this.#items.push(item)
    this.#rise(item, item.slot)
  }

  /** Removes and returns the earliest item when it is due. */
  popDue(now: number): T | undefined {
    const first = this.#items[0]
    if (first === undefined || first.at > now) return undefined
    this.remove(first)
    return first
  }

  remove(item: T): void {
    const { slot } = item
    if (slot < 0) return
    item.slot = -1
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    this.#rise(last, slot)
    if (last.slot === slot) this.#sink(last, slot)
  }

  clear(): void {
    for (const item of this.#items) item.slot = -1
    this.#items.length = 0
  }

  #rise(item: T, from: number): void {
    const items = this.#items
    let slot = from
    while (slot > 0) {
      const up = (slot - 1) >> 1
      const parent = items[up] as T
      if (parent.at <= item.at) break
      items[slot] = parent
      parent.slot = slot
      slot = up
    }
    items[slot] = item
    item.slot = slot
  }

  #sink(item: T, from: number): void {
    const items = this.#items
    const count = items.length
    let slot = from
    for (;;) {
      let down = slot * 2 + 1
      if (down >= count) break
      const right = items[down + 1]
      if (right !== undefined && right.at < (items[down] as T).at) down += 1
      const child = items[down] as T
      if (child.at >= item.at) break
      items[slot] = child
      child.slot = slot
      slot = down
    }
    items[slot] = item
    item.slot = slot
  }
}
