import { AsyncLocalStorage } from 'node:async_hooks'

/** A value that everything called inside `run`, however deep and however late, can read. */
export class Scope<T> {
  readonly #storage = new AsyncLocalStorage<T>()
  #used = false

  run<A extends readonly unknown[], R>(value: T, fn: (...args: A) => R, ...args: A): R {
    this.#used = true
    return this.#storage.run(value, fn, ...args)
  }

  /** Costs nothing until `run` was called once. */
  get(): T | undefined {
    return this.#used ? this.#storage.getStore() : undefined
  }
}
