import type { WithSignal } from '../model/provider.js'
import { ownWithSignal } from '../model/with-signal.js'

/** Methods of the official client that take `(body, options)`; others differ in where options go. */
const takesOptions = /(?:^|\.)(?:create|parse|stream|generate|edit)$/

/** Whether this is the official `openai` client, or a subclass, of whatever version or copy. */
function isOpenAI(instance: object): boolean {
  try {
    if (!('chat' in instance) || !('baseURL' in instance)) return false
    for (let at: object | null = Object.getPrototypeOf(instance); at; )
      if (at.constructor?.name === 'OpenAI') return true
      else at = Object.getPrototypeOf(at)
    return false
  } catch {
    return false // what cannot be read is something else
  }
}

/** Gives each request of an `openai` client its abort signal, so that a timed-out call stops costing tokens. */
const openaiSignal: WithSignal = (method, args, signal) => {
  const [body, options, ...rest] = args
  if (!takesOptions.test(method) || typeof body !== 'object' || body === null) return args
  const given = (options ?? {}) as { readonly signal?: AbortSignal | null }
  const both = given.signal ? AbortSignal.any([given.signal, signal]) : signal
  return [body, { ...given, signal: both }, ...rest]
}

/** The way to hand a signal to this instance that nobody has to declare. */
export function knownWithSignal(instance: object | undefined): WithSignal | undefined {
  if (instance === undefined) return undefined
  return ownWay(instance) ?? (isOpenAI(instance) ? openaiSignal : undefined)
}

/** What the instance says itself. */
function ownWay(instance: object): WithSignal | undefined {
  try {
    const way = ownWithSignal in instance ? instance[ownWithSignal] : undefined
    return typeof way === 'function' ? (way as WithSignal) : undefined
  } catch {
    return undefined // as above
  }
}
