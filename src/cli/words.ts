import type { Capability } from '../model/capability.js'
import type { Health } from '../model/health.js'
import type { Colour } from './table.js'

export const capabilityText = ({ name, version }: Capability): string =>
  version === undefined ? name : `${name}@${version}`

export const healthColour: Readonly<Record<Health, Colour | undefined>> = {
  healthy: 'green',
  degraded: 'yellow',
  unhealthy: 'red',
  loading: 'yellow',
  unknown: 'dim',
}

/** `1 provider`, `2 providers`. */
export const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`
