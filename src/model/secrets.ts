/** What a hidden value is shown as. */
export const hidden = '***'

const secretKey =
  /(?:api[-_]?key|token|secret|password|passwd|authorization|private[-_]?key|access[-_]?key)$/i
const userInfo = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#\s]*@/i

/** A copy in which the values of keys that look secret, and the user-info of URLs, are hidden. */
export function masked<T>(value: T): T
export function masked(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(userInfo, `$1${hidden}@`)
  if (Array.isArray(value)) return Object.freeze(value.map((one) => masked(one)))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, one]) => [
    key,
    isSecret(key) && one !== undefined && one !== null ? hidden : masked(one),
  ])
  return Object.freeze(Object.fromEntries(entries))
}

export const isSecret = (key: string): boolean => secretKey.test(key)

/**
 * A frozen copy in which hidden values are what they were in `present`; where nothing was there, they
 * are left out. So what was exported with its secrets hidden can be read back.
 */
export function unmasked(value: unknown, present: unknown): unknown {
  if (typeof value === 'string') return shownAddress(value, present)
  if (Array.isArray(value))
    return Object.freeze(
      value.map((one, at) => unmasked(one, Array.isArray(present) ? present[at] : undefined)),
    )
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).flatMap(([key, one]: [string, unknown]) => {
    const before = fieldOf(present, key)
    if (one === hidden && isSecret(key)) return before === undefined ? [] : [[key, before]]
    return [[key, unmasked(one, before)]]
  })
  return Object.freeze(Object.fromEntries(entries))
}

const address = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#\s]*@)([^/?#\s]*)/i

/** Whom an address names as its user is told only to the host that knows it already. */
function shownAddress(value: string, present: unknown): string {
  const [shown, scheme = '', user, host = ''] = address.exec(value) ?? []
  if (shown === undefined || user !== `${hidden}@`) return value
  const [, hasScheme, hasUser = '', hasHost] =
    typeof present === 'string' ? (address.exec(present) ?? []) : []
  const known = hasScheme === scheme && hasHost === host ? hasUser : ''
  return `${scheme}${known}${host}${value.slice(shown.length)}`
}

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined
