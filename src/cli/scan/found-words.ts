import type { Found } from '../../discovery/scan/report.js'
import { clean } from '../clean.js'
import { type Cell, cut } from '../table.js'
import { capabilityText, healthColour } from '../words.js'

/** Nothing that a back end says of itself is longer than this where people read it. */
const longest = 80

/** What a back end calls something, in one harmless piece. */
export const short = (text: string): string => cut(clean(text), longest)

/** With a question mark when something else may be behind it. */
export const titleOf = ({ title, weak }: Found): string =>
  `${cut(clean(title), 40)}${weak ? '?' : ''}`

/** `http://127.0.0.1:8188 and [::1]`. */
export const placeOf = ({ address, alsoAt }: Found): string =>
  [address, ...alsoAt.map((one) => new URL(one).hostname)].join(' and ')

export const healthOf = ({ health, needsCredentials }: Found): Cell =>
  needsCredentials
    ? { text: 'needs a key', colour: 'yellow' }
    : { text: health, colour: healthColour[health] }

export const capabilitiesOf = ({ capabilities }: Found): readonly string[] =>
  capabilities.map((one) => short(capabilityText(one)))

export const modelsOf = ({ models }: Found): readonly string[] => models.map(({ id }) => short(id))

export const evidenceOf = ({ evidence, weak }: Found): string =>
  weak ? `${clean(evidence)}; something else may say so too` : clean(evidence)

/** The first of a list, and how many there are besides: `a, b +12`. */
export function some(list: readonly string[], most: number): string {
  const more = list.length - most
  return more > 0 ? `${list.slice(0, most).join(', ')} +${more}` : list.join(', ')
}

/** As many of a list as fit in so many columns, at least one of them. */
export function fitting(list: readonly string[], room: number): string {
  let most = list.length
  while (most > 1 && some(list, most).length > room) most -= 1
  return cut(some(list, most), room)
}
