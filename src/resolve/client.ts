import { inspect } from 'node:util'
import type { CallOptions } from '../model/parse/call-options.js'
import type { ServiceRequest } from '../model/request.js'
import { type CallPorts, LogicalCall, type Work } from './call.js'
import type { CallContext } from './context.js'
import {
  type AnyFunction,
  Constructible,
  hasMore,
  isNested,
  isUnguarded,
  join,
  kindOf,
  learn,
  type MethodKind,
  refusedAs,
  unguarded,
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
  return new Client(ports, made).view([], '', undefined, 'unknown')
}

interface Method {
  readonly path: readonly PropertyKey[]
  readonly name: string
  kind: MethodKind
  /** What it is a method of, as the caller sees it. */
  readonly owner: object | undefined
}

/** What was handed out for a function that is not the service's own. */
interface Passed {
  readonly value: AnyFunction
  readonly owner: object
  readonly fn: AnyFunction
}

class Client {
  readonly #ports: CallPorts
  readonly #for: ClientFor

  constructor(ports: CallPorts, made: ClientFor) {
    this.#ports = ports
    this.#for = made
  }

  /** Stands for what is found at `path` of whichever provider is the best one. */
  view(
    path: readonly PropertyKey[],
    name: string,
    parent: object | undefined,
    kind: MethodKind,
  ): object {
    const shown = new Map<PropertyKey, object>()
    const passed = new Map<PropertyKey, Passed>()
    const target = (): object | undefined => walk(this.#best()?.instance, path)
    const now = target()
    const callable = now === undefined || typeof now === 'function'
    const known = typeof now === 'function' ? kindOf(now as AnyFunction) : kind
    const call = this.#method({ path, name, kind: known, owner: parent })
    const read = (key: PropertyKey): unknown => {
      const known = shown.get(key)
      if (known !== undefined) return known
      const seat = this.#best()
      const owner = walk(seat?.instance, path)
      if (owner === undefined) return this.#unknown(path, name, key, view)
      const value: unknown = (owner as Record<PropertyKey, unknown>)[key]
      const except = seat?.parts.except ?? noNames
      if (typeof value === 'function' && key !== 'constructor' && isUnguarded(owner, key, except))
        return pass(key, value as AnyFunction, owner)
      const part = this.#part({ owner, key, value, except }, path, name, view)
      if (part === undefined) return value
      shown.set(key, part)
      return part
    }
    /** The same function as long as the provider is the same; what it chains is the client. */
    const pass = (key: PropertyKey, value: AnyFunction, owner: object): AnyFunction => {
      const known = passed.get(key)
      if (known?.value === value && known.owner === owner) return known.fn
      const fn = unguarded(value, owner, view)
      passed.set(key, { value, owner, fn })
      return fn
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
      construct(_, args, newTarget) {
        const made = target()
        if (typeof made !== 'function') throw new TypeError(`${name || 'it'} is not a constructor`)
        return Reflect.construct(made, args, newTarget === view ? made : newTarget)
      },
    })
    return view
  }

  /** What stands for a property that is part of the service; `undefined` for any other value. */
  #part(
    read: {
      readonly owner: object
      readonly key: PropertyKey
      readonly value: unknown
      readonly except: ReadonlySet<string>
    },
    path: readonly PropertyKey[],
    name: string,
    view: object,
  ): object | undefined {
    const { owner, key, value, except } = read
    const inner = [...path, key]
    if (typeof value === 'function' && key !== 'constructor') {
      const kind = kindOf(value as AnyFunction)
      return hasMore(value as AnyFunction)
        ? this.view(inner, join(name, key), view, kind)
        : this.#method({ path: inner, name: join(name, key), kind, owner: view })
    }
    return isNested(value) && !isUnguarded(owner, key, except)
      ? this.view(inner, join(name, key), view, 'unknown')
      : undefined
  }

  /** Without a provider nobody knows what a name is; called, it says that there is no provider. */
  #unknown(path: readonly PropertyKey[], name: string, key: PropertyKey, view: object): unknown {
    if (typeof key === 'symbol' || key === 'then' || key === 'toJSON') return undefined
    if (key in Object.prototype) return Reflect.get(Object.prototype, key)
    return this.view([...path, key], join(name, key), view, 'unknown')
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
      return refusedAs(method.kind, error)
    }
    const now = resolver.clock.now()
    const work = new MethodWork(method, args)
    return new LogicalCall(this.#ports, plan, request, options, work, now).start(now)
  }
}

const noNames: ReadonlySet<string> = new Set()

/** One call of one method, on whichever provider it is tried. */
class MethodWork implements Work {
  readonly #method: Method
  readonly #args: readonly unknown[]
  #owner: object | undefined
  readonly limits: undefined

  constructor(method: Method, args: readonly unknown[]) {
    this.#method = method
    this.#args = args
  }

  get method(): string | undefined {
    return this.#method.name === '' ? undefined : this.#method.name
  }

  get kind(): MethodKind {
    return this.#method.kind
  }

  run(instance: object, context: CallContext, seat: Seat | undefined): unknown {
    const { path, name } = this.#method
    const owner = walk(instance, path.slice(0, -1))
    const fn: unknown =
      path.length === 0
        ? instance
        : (owner as Record<PropertyKey, unknown> | undefined)?.[path.at(-1) ?? '']
    if (typeof fn !== 'function')
      throw new TypeError(`provider '${context.provider}' has no method ${name}`)
    const withSignal = seat?.parts.withSignal
    const args =
      withSignal === undefined ? this.#args : withSignal(name, this.#args, context.signal)
    this.#owner = path.length === 0 ? undefined : owner
    const result: unknown = Reflect.apply(fn, this.#owner, args)
    this.#method.kind = learn(fn as AnyFunction, this.#method.kind, result)
    return result
  }

  /** A method that gives its receiver, at once or later, gives what the caller called it on. */
  shown(answer: unknown): unknown {
    return answer !== undefined && answer === this.#owner ? this.#method.owner : answer
  }
}

/** Which provider would it be set on? */
function readOnly(key: PropertyKey, service: string): never {
  throw new TypeError(
    `Cannot set ${String(key)}: a client of "${service}" stands for whichever provider a call goes to; set it on the provider's own instance`,
  )
}

function walk(from: object | undefined, path: readonly PropertyKey[]): object | undefined {
  let at: unknown = from
  for (const key of path) {
    if ((typeof at !== 'object' && typeof at !== 'function') || at === null) return undefined
    at = (at as Record<PropertyKey, unknown>)[key]
  }
  return (typeof at === 'object' && at !== null) || typeof at === 'function' ? at : undefined
}

/** A function without properties of its own, so that the proxy may answer for any. */
function callableShadow(): object {
  const shadow = Constructible.bind(undefined)
  delete (shadow as { name?: string }).name
  delete (shadow as { length?: number }).length
  return shadow
}
