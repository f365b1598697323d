/** A reader that falls further behind than this loses the oldest events, not the memory. */
const mostBehind = 65_536

/** Events as an async iterable, from now until the signal aborts or the registry closes. */
export function iterate<E>(
  subscribe: (listener: (event: E) => void) => () => void,
  ended: AbortSignal,
): AsyncIterableIterator<E> {
  const queue = new Backlog<E>()
  const waiting: ((result: IteratorResult<E>) => void)[] = []
  let open = true
  const end = (): void => {
    if (!open) return
    open = false
    unsubscribe()
    ended.removeEventListener('abort', end)
    for (const resolve of waiting.splice(0)) resolve({ done: true, value: undefined })
  }
  const unsubscribe = subscribe((event) => {
    const resolve = waiting.shift()
    if (resolve !== undefined) resolve({ done: false, value: event })
    else {
      queue.push(event)
      if (queue.size > mostBehind) queue.shift()
    }
  })
  ended.addEventListener('abort', end, { once: true })
  if (ended.aborted) end()
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next() {
      const event = queue.shift()
      if (event !== undefined) return Promise.resolve({ done: false, value: event })
      if (!open) return Promise.resolve({ done: true, value: undefined })
      return new Promise((resolve) => {
        waiting.push(resolve)
      })
    },
    return() {
      end()
      queue.clear()
      return Promise.resolve({ done: true, value: undefined })
    },
  }
}

/** First in, first out, at the same cost however long it is; shifting a long array moves all of it. */
class Backlog<E> {
  #items: (E | undefined)[] = []
  #taken = 0

  get size(): number {
    return this.#items.length - this.#taken
  }

  push(item: E): void {
    this.#items.push(item)
  }

  shift(): E | undefined {
    if (this.size === 0) return undefined
    const item = this.#items[this.#taken]
    this.#items[this.#taken] = undefined
    this.#taken += 1
    if (this.#taken * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return item
  }

  clear(): void {
    this.#items = []
    this.#taken = 0
  }
}
