import { isDeepStrictEqual } from 'node:util'
import { some } from '../scan/found-words.js'
import type { RemoteEntry } from './entry.js'

const mostNamed = 5

/** What is different about a registration, in words; a sign of life is no difference. */
export function differences(before: RemoteEntry, now: RemoteEntry): readonly string[] {
  const facts = ['status', 'version', 'service', 'name', 'mode', 'location'] as const
  return [
    ...facts.flatMap((fact) =>
      before[fact] === now[fact] ? [] : [`${fact} ${before[fact] || '-'} → ${now[fact] || '-'}`],
    ),
    ...listChange(before.capabilities, now.capabilities),
    ...(isDeepStrictEqual(before.metadata, now.metadata) ? [] : ['other metadata']),
    ...(before.registeredAt === now.registeredAt ? [] : ['registered again']),
  ]
}

function listChange(before: readonly string[], now: readonly string[]): readonly string[] {
  const changes = [
    ...now.filter((one) => !before.includes(one)).map((one) => `+${one}`),
    ...before.filter((one) => !now.includes(one)).map((one) => `-${one}`),
  ]
  return changes.length === 0 ? [] : [`can ${some(changes, mostNamed)}`]
}
