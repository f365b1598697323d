import { closest } from '../model/did-you-mean.js'

/** Names that a message lists. */
const mostNamed = 8

/** What was probably meant, or what there is; `elsewhere` is what to do where there is nothing. */
export function whatThereIs(name: string, names: readonly string[], elsewhere: string): string {
  const near = closest(name, names)
  if (near !== undefined) return `did you mean '${near}'?`
  if (names.length === 0) return `there are none; ${elsewhere}`
  const more = names.length - mostNamed
  const some = names.slice(0, mostNamed).join(', ')
  return more > 0 ? `there are ${some} and ${more} more` : `there are ${some}`
}
