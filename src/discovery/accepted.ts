import type { Sighting } from '../model/sighting.js'

/**
 * What was last taken over of each provider that a source sees. Most of a view says what the view before said, and to
 * see that costs a fraction of reading it. Copies are kept, so a source may change and give its objects again.
 */
export class Accepted {
  readonly #byName = new Map<string, Fields>()

  /** Whether it says exactly what was taken over last. */
  has(sighting: Sighting): boolean {
    const before = this.#byName.get(sighting?.name)
    return before !== undefined && isSame(before, sighting)
  }

  /** Whether it says of this what was taken over last; of what it never spoke, it says nothing. */
  agrees(sighting: Sighting, about: keyof Sighting): boolean {
    return isSame(this.#byName.get(sighting.name)?.[about], sighting[about])
  }

  keep(name: string, sighting: Sighting): void {
    this.#byName.set(name, copyOfEach(sighting))
  }

  forget(name: string): void {
    this.#byName.delete(name)
  }
}

type Fields = Readonly<Record<string, unknown>>

function isPlain(value: object): value is Fields {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Equal to nothing: what is neither plain data nor a function may change without a trace. */
const unlike: unique symbol = Symbol('unlike')

/** Only of what was accepted: that is no deeper than plain data may be. */
function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyOf)
  if (!isPlain(value)) return unlike
  return copyOfEach(value)
}

const copyOfEach = (value: object): Fields =>
  Object.fromEntries(Object.entries(value).map(([key, one]) => [key, copyOf(one)]))

/** Goes no deeper than the copy does. */
function isSame(copy: unknown, value: unknown): boolean {
  if (typeof copy !== 'object' || copy === null) return Object.is(copy, value)
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(copy)) return Array.isArray(value) && isSameList(copy, value)
  return isPlain(value) && isSameRecord(copy as Fields, value)
}

function isSameList(copy: readonly unknown[], value: readonly unknown[]): boolean {
  if (copy.length !== value.length) return false
  for (let at = 0; at < copy.length; at += 1) if (!isSame(copy[at], value[at])) return false
  return true
}

function isSameRecord(copy: Fields, value: Fields): boolean {
  const keys = Object.keys(value)
  if (keys.length !== Object.keys(copy).length) return false
  for (const key of keys)
    if (!Object.hasOwn(copy, key) || !isSame(copy[key], value[key])) return false
  return true
}
