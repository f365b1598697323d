const keys = 40

const entry = (key, index) => ({
  section: 'health',
  key,
  value: { provider: key, status: 'healthy', checkedAt: index },
})

/** Three changes that are all of them kept or none, and tell which group came last. */
export function groupOf(index) {
  const key = `p${index % keys}`
  return [entry(`${key}-a`, index), entry('last', index), entry(`${key}-b`, index)]
}

/** What is there after the groups from 0 to `last`. */
export function stateAfter(last) {
  const state = {}
  for (let index = Math.max(0, last - keys + 1); index <= last; index++)
    for (const { key } of groupOf(index)) state[key] = index
  return state
}
