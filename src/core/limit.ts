import pLimit from 'p-limit'

/** Runs at most so many of the given functions at once, in order. */
export type Limit = <T>(fn: () => Promise<T>) => Promise<T>

export function limit(atOnce: number): Limit {
  const run = pLimit(atOnce)
  return (fn) => run(fn)
}
