import { inspect } from 'node:util'
import type { CallOptions } from '../model/parse.js'
import type { ServiceRequest } from '../model/request.js'
import { type CallPorts, LogicalCall, type Work } from './call.js'
import type { CallContext } from './context.js'
import {
  type AnyFunction,
  isNested,
  isUnguarded,
  join,
  kindOf,
  kindOfAnswer,
  type MethodKind,
} from './instance.js'
import type { Seat } from './seat.js'

/** What a client was made for. */
export interface ClientFor {
  readonly service: string
  readonly request: ServiceRequest
  readonly options: CallOptions
}

/**
 * An object like the service, whose every method call is a logical call: it finds a provider anew,
 * is guarded, and fails over. Properties are read from the best provider of the moment.
 */
export function createClient(ports: CallPorts, made: ClientFor): object {
  return new Client(ports, made).view([], '')
}

interface Method {
  readonly path: readonly string[]
  readonly name: string
  kind: MethodKind
}

class Client {
  readonly #ports: CallPorts
  readonly #for: ClientFor
  #root: object | undefined

  constructor(ports: CallPorts, made: ClientFor) {
    this.#ports = ports
    this.#for = made
  }

  /** Stands for what is found at `path` of whichever provider is the best one. */
  view(path: readonly string[], name: string): object {
    const shown = new Map<PropertyKey, object>()
    const target = (): object | undefined => walk(this.#best()?.instance, path)
    const now = target()
    const callable = now === undefined || typeof now === 'function'
    const call = this.#method({ path, name, kind: 'unknown' })
    const read = (key: PropertyKey): unknown => {
      const known = shown.get(key)
      if (known !== undefined) return known
      const seat = this.#best()
      const owner = walk(seat?.instance, path)
      if (owner === undefined) return this.#unknown(path, name, key)
      const value: unknown = (owner as Record<PropertyKey, unknown>)[key]
      const except = seat?.parts.except ?? noNames
      const inner = [...path, String(key)]
      let view: object | undefined
      if (typeof value === 'function' && key !== 'constructor') {
        if (isUnguarded(owner, key, except))
          return (...args: never[]) => Reflect.apply(value, owner, args)
        view = this.#method({
          path: inner,
          name: join(name, key),
          kind: kindOf(value as AnyFunction),
        })
      } else if (isNested(value) && !isUnguarded(owner, key, except))
        view = this.view(inner, join(name, key))
      if (view === undefined) return value
      shown.set(key, view)
      return view
    }
    const shadow = callable ? callableShadow() : {}
    const { service, request } = this.#for
    Object.defineProperty(shadow, inspect.custom, {
      value: () => `Client ${inspect({ service, path: name, request })}`,
      configurable: true,
    })
    const view: object = new Proxy(shadow, {
      get: (_, key) => read(key),
      set: (_, key) => readOnly(key, this.#for.service),
      deleteProperty: () => false,
      defineProperty: () => false,
      setPrototypeOf: () => false,
      preventExtensions: () => false,
      has: (_, key) => key in (target() ?? {}),
      ownKeys: () => Reflect.ownKeys(target() ?? {}),
      getOwnPropertyDescriptor(_, key) {
        const owner = target()
        const descriptor = owner && Reflect.getOwnPropertyDescriptor(owner, key)
        return descriptor && { ...descriptor, configurable: true }
      },
      getPrototypeOf: () => Reflect.getPrototypeOf(target() ?? {}),
      apply: (_, self, args) => Reflect.apply(call, self, args),
    })
    if (path.length === 0) this.#root = view
    return view
  }

  /** Without a provider nobody knows what a name is; called, it says that there is no provider. */
  #unknown(path: readonly string[], name: string, key: PropertyKey): unknown {
    if (typeof key === 'symbol' || key === 'then' || key in Object.prototype) return undefined
    return this.view([...path, key.toString()], join(name, key))
  }

  #best():
    | Seat
    | {
        readonly instance: object | undefined
        readonly parts: { readonly except: ReadonlySet<string> }
      }
    | undefined {
    const { service, request } = this.#for
    const { resolver } = this.#ports
    try {
      const plan = resolver.plan(service, request)
      const seat = resolver.peek(plan, request) ?? resolver.first(plan, request)
      if (seat !== undefined) return seat
    } catch {
      return undefined // closed, or a strategy that throws: the call will say so
    }
    const standIn = this.#ports.standIn(service)
    return standIn && { instance: standIn, parts: { except: noNames } }
  }

  #method(method: Method): AnyFunction {
    const client = this
    return function called(this: unknown, ...args: unknown[]): unknown {
      return client.#call(method, args)
    } as AnyFunction
  }

  #call(method: Method, args: readonly unknown[]): unknown {
    const { service, request, options } = this.#for
    const { resolver } = this.#ports
    let plan: ReturnType<typeof resolver.plan>
    try {
      plan = resolver.plan(service, request)
    } catch (error) {
      if (method.kind === 'sync') throw error
      return Promise.reject(error)
    }
    const now = resolver.clock.now()
    const work = new MethodWork(method, args, this.#root)
    return new LogicalCall(this.#ports, plan, request, options, work, now).start(now)
  }
}

const noNames: ReadonlySet<string> = new Set()

/** One call of one method, on whichever provider it is tried. */
class MethodWork implements Work {
  readonly #method: Method
  readonly #args: readonly unknown[]
  readonly #client: object | undefined
  readonly limits: undefined

  constructor(method: Method, args: readonly unknown[], client: object | undefined) {
    this.#method = method
    this.#args = args
    this.#client = client
  }

  get method(): string | undefined {
    return this.#method.name === '' ? undefined : this.#method.name
  }

  get sync(): boolean {
    return this.#method.kind === 'sync'
  }

  get plain(): boolean {
    return this.#method.kind === 'async'
  }

  run(instance: object, context: CallContext, seat: Seat | undefined): unknown {
    const { path, name } = this.#method
    const owner = walk(instance, path.slice(0, -1))
    const fn: unknown =
      path.length === 0
        ? instance
        : (owner as Record<string, unknown> | undefined)?.[path.at(-1) ?? '']
    if (typeof fn !== 'function')
      throw new TypeError(`provider '${context.provider}' has no method ${name}`)
    const withSignal = seat?.parts.withSignal
    const args =
      withSignal === undefined ? this.#args : withSignal(name, this.#args, context.signal)
    const result: unknown = Reflect.apply(fn, path.length === 0 ? undefined : owner, args)
    if (this.#method.kind === 'unknown') this.#method.kind = kindOfAnswer(result)
    return result === instance ? this.#client : result
  }
}

/** Which provider would it be set on? */
function readOnly(key: PropertyKey, service: string): never {
  throw new TypeError(
    `Cannot set ${String(key)}: a client of "${service}" stands for whichever provider a call goes to; set it on the provider's own instance`,
  )
}

function walk(from: object | undefined, path: readonly string[]): object | undefined {
  let at: unknown = from
  for (const key of path) {
    if ((typeof at !== 'object' && typeof at !== 'function') || at === null) return undefined
    at = (at as Record<string, unknown>)[key]
  }
  return (typeof at === 'object' && at !== null) || typeof at === 'function' ? at : undefined
}

/** A function without properties of its own, so that the proxy may answer for any. */
function callableShadow(): object {
  const shadow = (): void => {}
  delete (shadow as { name?: string }).name
  delete (shadow as { length?: number }).length
  return shadow
}
