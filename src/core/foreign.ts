/*
 * Reading answers of other people's programs: nothing is believed to be there or to be what it should,
 * and only own fields count, so that a prototype never answers for a body.
 */

export type Fields = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The field at the end of the path, if each step is an object that has it. */
export function field(value: unknown, ...path: readonly string[]): unknown {
  let found = value
  for (const key of path) {
    if (!isObject(found) || !Object.hasOwn(found, key)) return undefined
    found = found[key]
  }
  return found
}

/** The first of these fields that is neither missing nor null. */
export function firstField(value: unknown, keys: readonly string[]): unknown {
  for (const key of keys) {
    const found = field(value, key)
    if (found !== undefined && found !== null) return found
  }
  return undefined
}

/** A name of one line, without space around it. */
export function nameOf(value: unknown, longest = 512): string | undefined {
  if (typeof value !== 'string' || value.length > longest) return undefined
  const name = value.trim()
  return name === '' || /[\p{Cc}\u2028\u2029]/u.test(name) ? undefined : name
}

/** The names in a list, each once; `undefined` when it is no list. */
export function namesOf(value: unknown, most = 1_000): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined
  const names = value.slice(0, most).map((one) => nameOf(one))
  return [...new Set(names.filter((name) => name !== undefined))]
}

/** A whole number of 1 or more, also as a text or as 128000.0. */
export function countOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 1
    ? number
    : undefined
}
