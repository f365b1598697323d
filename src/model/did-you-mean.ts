/** Beyond this nobody mistyped it. */
const longestName = 64

/** The known name that was probably meant; `undefined` when none is close. */
export function closest(name: string, known: readonly string[]): string | undefined {
  if (name.length > longestName) return undefined
  let best: string | undefined
  let least = Math.ceil(name.length / 3) + 1
  for (const one of known) {
    if (Math.abs(one.length - name.length) >= least) continue
    const distance = editsBetween(name.toLowerCase(), one.toLowerCase())
    if (distance >= least) continue
    best = one
    least = distance
  }
  return best
}

/** Letters to add, drop or change (Levenshtein's distance, row by row). */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let at = 0; at < from.length; at++) {
    const next = [at + 1]
    for (let col = 0; col < to.length; col++) {
      const change = (row[col] ?? 0) + (from[at] === to[col] ? 0 : 1)
      next.push(Math.min(change, (row[col + 1] ?? 0) + 1, (next[col] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
