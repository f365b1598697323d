import type { Sighting } from '../../model/sighting.js'
import type { Found } from './report.js'

/** What was found, as a provider of a registry: its data, without a way to call it. */
export function sightingOf(found: Found, service: string = found.service): Sighting {
  const { name, kind, title, protocol, address, alsoAt, evidence, weak, needsCredentials } = found
  return {
    name,
    service,
    address,
    health: found.health,
    version: found.version,
    apiVersion: found.apiVersion,
    capabilities: found.capabilities,
    models: found.models.map(({ id }) => id),
    limits: found.limits,
    catalogue: found.models,
    metadata: {
      ...found.metadata,
      kind,
      title,
      protocol,
      evidence,
      ...(alsoAt.length > 0 && { alsoAt }),
      ...(weak && { weak }),
      ...(needsCredentials && { needsCredentials }),
    },
  }
}
