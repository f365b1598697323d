import type { ProviderView } from '../model/provider.js'
import type { Shell } from './shell.js'
import { type Cell, table } from './table.js'
import { capabilityText } from './words.js'

type Offering = Pick<ProviderView, 'name' | 'service' | 'capabilities'>

/** A capability in one version, and who has it. */
export interface Offer {
  readonly name: string
  readonly version: string | undefined
  readonly services: readonly string[]
  readonly providers: readonly string[]
}

export function capabilitiesOf(views: readonly Offering[]): readonly Offer[] {
  const offers = new Map<string, { name: string; version: string | undefined; by: Offering[] }>()
  for (const view of views)
    for (const capability of view.capabilities) {
      const { name, version } = capability
      const known = offers.get(capabilityText(capability))
      if (known === undefined) offers.set(capabilityText(capability), { name, version, by: [view] })
      else known.by.push(view)
    }
  return [...offers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { name, version, by }]) => ({
      name,
      version,
      services: [...new Set(by.map(({ service }) => service))],
      providers: by.map((view) => view.name),
    }))
}

export function capabilityTable(
  offers: readonly Offer[],
  { columns, colours }: Pick<Shell, 'columns' | 'colours'>,
): string {
  const rows = offers.map(({ name, version, services, providers }): Cell[] => [
    { text: name },
    { text: version ?? '' },
    { text: services.join(', ') },
    { text: providers.join(', ') },
  ])
  const head = ['CAPABILITY', 'VERSION', 'SERVICES', 'PROVIDERS']
  return table(head, rows, { width: columns, colours })
}
