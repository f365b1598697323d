/** A reader that falls further behind than this loses the oldest events, not the memory. */
const mostBehind = 65_536

/** Events as an async iterable, from now until the signal aborts or the registry closes. */
export function iterate<E>(
  subscribe: (listener: (event: E) => void) => () => void,
  ended: AbortSignal,
): AsyncIterableIterator<E> {
  const queue: E[] = []
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
    else if (queue.push(event) > mostBehind) queue.shift()
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
      queue.length = 0
      return Promise.resolve({ done: true, value: undefined })
    },
  }
}
