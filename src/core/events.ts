import { EventEmitter } from 'eventemitter3'

export interface Typed {
  readonly type: string
}

type Listener<E> = (event: E) => void
type Of<E extends Typed, T extends E['type']> = Extract<E, { readonly type: T }>

/**
 * Delivers events in the order they happened, after the change they tell of.
 *
 * What a listener changes applies at once, and the events of that change queue behind the running
 * one. A listener can never change an outcome: what it throws, or rejects with, goes to `onError`.
 */
export class Events<E extends Typed> {
  readonly #emitter = new EventEmitter<Record<string, [E]>>()
  readonly #onError: (error: unknown, event: E) => void
  readonly #queue: E[] = []
  #delivering = false
  #any = 0
  #attached = 0

  constructor(onError: (error: unknown, event: E) => void) {
    this.#onError = onError
  }

  /** Whether anybody would hear an event of this type; saves making it. */
  heard(type: E['type']): boolean {
    if (this.#attached === 0) return false
    return this.#any > 0 || this.#emitter.listenerCount(type) > 0
  }

  on<T extends E['type']>(type: T, listener: Listener<Of<E, T>>): () => void {
    return this.#attach(type, listener as Listener<E>)
  }

  onAny(listener: Listener<E>): () => void {
    this.#any += 1
    const detach = this.#attach('*', listener)
    return () => {
      if (detach()) this.#any -= 1
    }
  }

  emit(event: E): void {
    if (!this.heard(event.type)) return
    this.#queue.push(event)
    if (!this.#delivering) this.#deliver()
  }

  /** Several changes as one: their events come after the last of them, or never when it throws. */
  turn<T>(change: () => T): T {
    const nested = this.#delivering
    const before = this.#queue.length
    this.#delivering = true
    try {
      return change()
    } catch (error) {
      this.#queue.length = before
      throw error
    } finally {
      this.#delivering = nested
      if (!nested) this.#deliver()
    }
  }

  #deliver(): void {
    this.#delivering = true
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        this.#emitter.emit(next.type, next)
        if (this.#any > 0) this.#emitter.emit('*', next)
      }
    } finally {
      this.#delivering = false
    }
  }

  clear(): void {
    this.#emitter.removeAllListeners()
    this.#queue.length = 0
  }

  #attach(type: string, listener: Listener<E>): () => boolean {
    const guarded = (event: E): void => {
      if (!attached) return // it left while this event was on its way
      try {
        const result: unknown = listener(event)
        if (result instanceof Promise) result.catch((error) => this.#onError(error, event))
      } catch (error) {
        this.#onError(error, event)
      }
    }
    let attached = true
    this.#emitter.on(type, guarded)
    this.#attached += 1
    return () => {
      if (!attached) return false
      attached = false
      this.#attached -= 1
      this.#emitter.off(type, guarded)
      return true
    }
  }
}
