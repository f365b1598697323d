/** The last few that were made, by what they were made from: many ask for the same one after the other. */
export function remembering<K, V>(make: (key: K) => V, most = 128): (key: K) => V {
  const made = new Map<K, V>()
  return (key) => {
    const known = made.get(key)
    if (known !== undefined) return known
    const value = make(key)
    made.set(key, value)
    const [oldest] = made.keys()
    if (made.size > most && oldest !== undefined) made.delete(oldest)
    return value
  }
}
