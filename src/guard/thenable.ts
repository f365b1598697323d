/** An object that does not let itself be asked is none, and is handed on as it is. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  try {
    return typeof (value as Partial<PromiseLike<unknown>>).then === 'function'
  } catch {
    return false
  }
}

/** Asks the thenable for something: itself, or what one of its other methods gives. */
export type Ask = (thenable: PromiseLike<unknown>) => unknown

/**
 * Stands for a promise with more methods (`openai`'s `.withResponse()`). `then`, `catch` and
 * `finally` go through `drive`, once; so does each other method. Anything else is read from `like`.
 *
 * With no `like` yet, because the work has not begun, every other name is taken for a method, and
 * it can be read as the stream that it may turn out to be.
 */
export function lazyThenable(
  like: object | undefined,
  drive: (ask: Ask) => unknown,
  iterate?: () => AsyncIterator<unknown>,
): PromiseLike<unknown> {
  let main: Promise<unknown> | undefined
  const settled = (): Promise<unknown> => {
    main ??= Promise.resolve(drive((thenable) => thenable))
    return main
  }
  const own: Record<PropertyKey, unknown> = {
    // biome-ignore lint/suspicious/noThenProperty: this object stands for a promise
    then: (yes?: (value: unknown) => unknown, no?: (error: unknown) => unknown) =>
      settled().then(yes, no),
    catch: (no?: (error: unknown) => unknown) => settled().catch(no),
    finally: (last?: () => void) => settled().finally(last),
  }
  const ask =
    (key: PropertyKey) =>
    (...args: unknown[]) => {
      const one: Ask = (thenable) => {
        const method: unknown = Reflect.get(thenable, key)
        if (typeof method !== 'function') throw new TypeError(`${String(key)} is not a function`)
        const answer: unknown = Reflect.apply(method, thenable, args)
        return answer === thenable && like !== undefined ? itself : answer
      }
      const answer = drive(one)
      return answer === itself ? proxy : answer
    }
  if (iterate !== undefined) own[Symbol.asyncIterator] = iterate
  const shadow: object = Object.create(like ? Object.getPrototypeOf(like) : Promise.prototype)
  const proxy = new Proxy(shadow, {
    get(_, key) {
      if (Object.hasOwn(own, key)) return own[key]
      if (like === undefined)
        return typeof key === 'symbol' || key in Object.prototype ? undefined : ask(key)
      const value: unknown = Reflect.get(like, key, like)
      return typeof value === 'function' && key !== 'constructor' ? ask(key) : value
    },
  }) as PromiseLike<unknown>
  return proxy
}

/** What a method answered that returns its receiver, as query builders do: nothing was decided yet. */
const itself: unique symbol = Symbol('itself')
