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
