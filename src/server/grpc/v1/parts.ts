import type { Provider } from '../../../wire/proto/switchgear-messages.js'
import type { Entry } from '../../entry.js'
import { providerOf } from './translate.js'

/** Clients read messages of 4 MiB, unless they are told otherwise. */
const mostCharacters = 1_024 * 1_024
const mostProviders = 500

/** Lists have no end that is known beforehand, and messages have one: so many at once, or so many characters. */
export function* partsOf(entries: readonly Entry[]): Generator<readonly Provider[], void> {
  let part: Provider[] = []
  let characters = 0
  for (const entry of entries) {
    const provider = providerOf(entry)
    part.push(provider)
    characters += lengthOf(provider)
    if (part.length < mostProviders && characters < mostCharacters) continue
    yield part
    part = []
    characters = 0
  }
  if (part.length > 0) yield part
}

const lengthOf = ({ metadata, capabilities, location }: Provider): number =>
  metadata.length + location.length + capabilities.reduce((sum, one) => sum + one.length, 0)
