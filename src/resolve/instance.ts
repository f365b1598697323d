import { EventEmitter } from 'node:events'
import { Stream } from 'node:stream'
import { inspect, types } from 'node:util'
import type { CallFacts, Open } from '../guard/attempt.js'
import type { Permit } from '../guard/circuit.js'
import type { Guard } from '../guard/guard.js'
import { isStream } from '../guard/stream.js'
import { openStream, takeResult } from '../guard/take.js'
import { isThenable } from '../guard/thenable.js'
import type { WithSignal } from '../model/provider.js'

export type AnyFunction = (...args: never[]) => unknown

/** What guarding an instance takes. */
export interface GuardedBy {
  readonly guard: Guard
  readonly except: ReadonlySet<string>
  readonly withSignal: WithSignal | undefined
}

/** Whether a method answers at once; learnt from what it did. */
export type MethodKind = 'unknown' | 'sync' | 'async' | 'lazy' | 'stream'

const AsyncFunction = (async () => {}).constructor
const AsyncGeneratorFunction = async function* () {}.constructor as unknown as typeof AsyncFunction

/** What a method is, from what it just answered. `lazy` is a promise with more methods. */
function kindOfAnswer(answer: unknown): MethodKind {
  if (isThenable(answer)) return answer.constructor === Promise ? 'async' : 'lazy'
  return isStream(answer) ? 'stream' : 'sync'
}

/** What was seen of a method counts for every view and client of it. */
const learnt = new WeakMap<AnyFunction, MethodKind>()

export function kindOf(method: AnyFunction): MethodKind {
  const seen = learnt.get(method)
  if (seen !== undefined) return seen
  if (method.constructor === AsyncFunction) return 'async'
  return method.constructor === AsyncGeneratorFunction ? 'stream' : 'unknown'
}

/** A method that was ever seen to answer with a promise is no sync one. */
export function learn(method: AnyFunction, kind: MethodKind, answer: unknown): MethodKind {
  if (kind !== 'unknown' && (kind !== 'sync' || !isThenable(answer))) return kind
  const seen = kindOfAnswer(answer)
  learnt.set(method, seen)
  return seen
}

/** What a refused call gives: it fails the way the method would. */
export function refusedAs(kind: MethodKind, error: unknown): unknown {
  if (kind === 'sync') throw error
  if (kind === 'stream') return failingStream(error)
  const rejected = Promise.reject(error)
  return kind === 'async' ? rejected : Object.setPrototypeOf(rejected, anyPromise)
}

/**
 * A refused call may have been meant for more than a promise: `.withResponse()` and the like give
 * the rejection again instead of a TypeError, and read as a stream it fails.
 */
const anyPromise: object = new Proxy(Object.create(Promise.prototype) as object, {
  get(target, key, rejected: Promise<never>) {
    if (key in target) return Reflect.get(target, key, rejected)
    if (key === Symbol.asyncIterator)
      return () => {
        rejected.catch(() => {}) // the stream says it
        return { next: () => rejected }
      }
    return typeof key === 'symbol' || key === 'toJSON' ? undefined : () => rejected
  },
})

function failingStream(error: unknown): AsyncIterableIterator<never> {
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next: () => Promise.reject(error),
  }
}

const wellKnown: ReadonlySet<unknown> = new Set(
  Reflect.ownKeys(Symbol).map((name) => Reflect.get(Symbol, name) as unknown),
)

/** `Symbol.iterator`, `Symbol.for('nodejs.util.inspect.custom')`: not the service's own words. */
const isOfLanguage = (key: symbol): boolean =>
  wellKnown.has(key) || Symbol.keyFor(key)?.startsWith('nodejs.') === true

/** Names that belong to the language or to event emitters, not to the service. */
export function isUnguarded(
  target: object,
  key: PropertyKey,
  except: ReadonlySet<string>,
): boolean {
  if (typeof key === 'symbol') return isOfLanguage(key)
  if (key in Object.prototype || key === 'isHealthy' || key === 'toJSON' || except.has(String(key)))
    return true
  if (typeof target === 'function' && (key in Function.prototype || key === 'prototype'))
    return true
  return target instanceof EventEmitter && key in EventEmitter.prototype
}

/**
 * Objects whose methods are part of the service: plain ones and those of ordinary classes. What the
 * language or the platform brands (lists, maps, dates, buffers, URLs, streams) works only as itself.
 */
export function isNested(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  if (Object.prototype.toString.call(value) !== '[object Object]') return false
  return !(value instanceof Stream) && !isThenable(value)
}

/**
 * An object that behaves like the instance, whose methods go through the guard. Methods run on the
 * original, so private fields work; its own calls to itself are not guarded a second time.
 *
 * `reserved` is the probe lease of a half-open circuit: the first call through this view uses it.
 */
export function guardInstance(by: GuardedBy, original: object, reserved?: Permit): object {
  return new GuardedInstance(by, reserved).view(original, '')
}

class GuardedInstance {
  readonly #by: GuardedBy
  readonly #views = new WeakMap<object, object>()
  #reserved: Permit | undefined

  constructor(by: GuardedBy, reserved: Permit | undefined) {
    this.#by = by
    this.#reserved = reserved
  }

  /** The guard of an object; one for each, so that identity holds. */
  view(target: object, path: string): object {
    const known = this.#views.get(target)
    if (known !== undefined) return known
    const view: object = mirror(target, {
      read: (key, value) => this.#read(target, path, view, key, value),
      call:
        typeof target === 'function'
          ? this.#method(target as AnyFunction, path, undefined, () => undefined)
          : undefined,
    })
    this.#views.set(target, view)
    return view
  }

  #read(target: object, path: string, view: object, key: PropertyKey, value: unknown): unknown {
    if (typeof value === 'function') {
      if (key === 'constructor') return value
      if (isUnguarded(target, key, this.#by.except))
        return unguarded(value as AnyFunction, target, view)
      return this.#function(value as AnyFunction, join(path, key), target, () => view)
    }
    if (isNested(value) && !isUnguarded(target, key, this.#by.except))
      return this.view(value, join(path, key))
    return value
  }

  /** A plain function for a plain method; a mirror for a class, or one that has properties. */
  #function(
    method: AnyFunction,
    path: string,
    target: object,
    viewOf: () => object | undefined,
  ): object {
    const call = this.#method(method, path, target, viewOf)
    if (!hasMore(method)) return likeMethod(call, method)
    const view: object = mirror(method, {
      read: (key, value) => this.#read(method, path, view, key, value),
      call,
    })
    return view
  }

  #method(
    method: AnyFunction,
    path: string,
    target: object | undefined,
    viewOf: () => object | undefined,
  ): AnyFunction {
    const { guard, withSignal } = this.#by
    const { clock } = guard.ports
    const facts: CallFacts = { method: path === '' ? undefined : path, number: 1 }
    const instance = this
    const open: Open =
      target === undefined
        ? openStream
        : (attempt, value) => (value === target ? viewOf() : openStream(attempt, value))
    let kind = kindOf(method)
    return function guarded(this: unknown, ...args: unknown[]): unknown {
      const view = viewOf()
      const self = this === view || this === undefined ? target : this
      const reserved = instance.#reserved
      instance.#reserved = undefined
      let attempt: ReturnType<Guard['begin']>
      try {
        attempt = guard.begin(facts, args, clock.now(), reserved)
      } catch (refusal) {
        return refusedAs(kindOf(method), refusal)
      }
      let result: unknown
      try {
        const given = withSignal === undefined ? args : withSignal(path, args, attempt.signal)
        result = Reflect.apply(method, self, given)
      } catch (error) {
        attempt.fail(error)
        throw error
      }
      if (target !== undefined && result === target) {
        attempt.succeed(result)
        return view
      }
      const taken = takeResult(attempt, result, open)
      if (kind === 'unknown' || kind === 'sync') kind = learn(method, kind, result)
      return taken
    } as AnyFunction
  }
}

const plainKeys: ReadonlySet<PropertyKey> = new Set([
  'length',
  'name',
  'prototype',
  'arguments',
  'caller',
])

/** Whether a function is more than something to call: it has properties, or is made with `new`. */
export function hasMore(method: AnyFunction): boolean {
  if (types.isProxy(method) || Reflect.ownKeys(method).some((key) => !plainKeys.has(key)))
    return true
  return Reflect.getOwnPropertyDescriptor(method, 'prototype')?.writable === false // a class
}

function likeMethod(call: AnyFunction, method: AnyFunction): AnyFunction {
  for (const key of ['name', 'length'] as const) {
    const descriptor = Reflect.getOwnPropertyDescriptor(method, key)
    if (descriptor !== undefined) Reflect.defineProperty(call, key, descriptor)
  }
  return call
}

export const join = (path: string, key: PropertyKey): string =>
  path === '' ? String(key) : `${path}.${String(key)}`

/** Runs on the original; what returns the original for chaining returns the view. */
export function unguarded(method: AnyFunction, target: object, view: object): AnyFunction {
  if (method === (Object.prototype as never)[method.name]) return method
  if (typeof target === 'function' && method === (Function.prototype as never)[method.name])
    return method
  return function passed(this: unknown, ...args: unknown[]): unknown {
    const result: unknown = Reflect.apply(method, this === view ? target : this, args)
    return result === target ? view : result
  } as AnyFunction
}

/** What a mirror shows differently from the object behind it. */
interface Mirrored {
  /** What reading a property gives, from what the original gives. */
  read(key: PropertyKey, value: unknown): unknown
  /** What calling gives; only for functions. */
  readonly call: AnyFunction | undefined
}

/**
 * A proxy that passes for `target` although its own target is an empty shadow of the same prototype:
 * the rules for proxies would otherwise forbid to answer for a frozen object with anything but itself.
 */
function mirror(target: object, shown: Mirrored): object {
  const shadow = shadowOf(target)
  Object.defineProperty(shadow, inspect.custom, { value: () => target, configurable: true })
  const handler = new Mirror(target, shown)
  handler.proxy = new Proxy(shadow, handler)
  return handler.proxy
}

class Mirror implements ProxyHandler<object> {
  proxy: object | undefined
  readonly #target: object
  readonly #mirrored: Mirrored
  #shown: Map<PropertyKey, { readonly value: unknown; readonly shown: unknown }> | undefined

  constructor(target: object, mirrored: Mirrored) {
    this.#target = target
    this.#mirrored = mirrored
  }

  get(_: object, key: PropertyKey): unknown {
    const value: unknown = (this.#target as Record<PropertyKey, unknown>)[key]
    const known = this.#shown?.get(key)
    if (known !== undefined && known.value === value) return known.shown
    const shown = this.#mirrored.read(key, value)
    if (shown === value) return value
    this.#shown ??= new Map()
    this.#shown.set(key, { value, shown })
    return shown
  }

  set(_: object, key: PropertyKey, value: unknown): boolean {
    return Reflect.set(this.#target, key, value, this.#target)
  }

  has(_: object, key: PropertyKey): boolean {
    return Reflect.has(this.#target, key)
  }

  deleteProperty(_: object, key: PropertyKey): boolean {
    return Reflect.deleteProperty(this.#target, key)
  }

  defineProperty(_: object, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
    return (
      descriptor.configurable !== false && Reflect.defineProperty(this.#target, key, descriptor)
    )
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.#target)
  }

  getOwnPropertyDescriptor(_: object, key: PropertyKey): PropertyDescriptor | undefined {
    const descriptor = Reflect.getOwnPropertyDescriptor(this.#target, key)
    return descriptor && { ...descriptor, configurable: true }
  }

  getPrototypeOf(): object | null {
    return Reflect.getPrototypeOf(this.#target)
  }

  setPrototypeOf(_: object, prototype: object | null): boolean {
    return Reflect.setPrototypeOf(this.#target, prototype)
  }

  preventExtensions(): boolean {
    return false
  }

  apply(_: object, self: unknown, args: unknown[]): unknown {
    return Reflect.apply(this.#mirrored.call as AnyFunction, self, args)
  }

  construct(_: object, args: unknown[], newTarget: unknown): object {
    const made = newTarget === this.proxy ? this.#target : newTarget
    return Reflect.construct(this.#target as never, args, made as never)
  }
}

/** Callable if the target is, constructible if the target is, and without a property of its own. */
function shadowOf(target: object): object {
  if (typeof target !== 'function') return Object.create(Object.getPrototypeOf(target))
  const shadow = isConstructor(target) ? Constructible.bind(undefined) : () => {}
  delete (shadow as { name?: string }).name
  delete (shadow as { length?: number }).length
  Object.setPrototypeOf(shadow, Object.getPrototypeOf(target))
  return shadow
}

/** An arrow function cannot be constructed, bound or not. */
export class Constructible {}

function isConstructor(value: object): boolean {
  try {
    Reflect.construct(Object, [], value as never)
    return true
  } catch {
    return false
  }
}
