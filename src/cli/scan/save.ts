import { type Clock, isoTime } from '../../core/clock.js'
import { oneLine } from '../../core/errors.js'
import type { Found } from '../../discovery/scan/report.js'
import { sightingOf } from '../../discovery/scan/sighting.js'
import { type SavedProvider, type Snapshot, schemaVersion } from '../../model/snapshot.js'
import type { Registry } from '../shell.js'

/** That of `localBackends()`, which takes up what it finds under its own name. */
const origin = 'local'

export interface Saved {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly unchanged: readonly string[]
  /** What could not be kept, and why. */
  readonly refused: readonly { readonly name: string; readonly why: string }[]
  readonly models: { readonly added: number; readonly changed: number }
}

/** Keeps what was found. One that cannot be kept keeps no other away. */
export async function save(
  registry: Registry,
  found: readonly Found[],
  clock: Clock,
): Promise<Saved> {
  const before = new Map(
    registry.export({ secrets: true }).providers.map((provider) => [provider.name, provider]),
  )
  const done = {
    added: [] as string[],
    changed: [] as string[],
    unchanged: [] as string[],
    refused: [] as { name: string; why: string }[],
    models: { added: 0, changed: 0 },
  }
  for (const one of found) {
    try {
      const { added, changed } = keep(registry, one, before.get(one.name), clock)
      const list =
        added.length > 0 ? done.added : changed.length > 0 ? done.changed : done.unchanged
      list.push(one.name)
      const models = registry.models.update(one.models, { kind: 'probed', source: origin })
      done.models.added += models.added.length
      done.models.changed += models.changed.length
    } catch (error) {
      done.refused.push({ name: one.name, why: oneLine(error) })
    }
  }
  await registry.flush()
  return done
}

function keep(registry: Registry, found: Found, before: SavedProvider | undefined, clock: Clock) {
  if (before !== undefined && before.origin !== origin)
    throw new Error(
      `its name is taken by a provider of '${before.origin}', which was left as it is`,
    )
  const provider = record(found, before)
  const snapshot: Snapshot = {
    schemaVersion,
    savedAt: isoTime(clock.wall()),
    providers: [provider],
    models: [],
    capabilities: [],
    circuits: [],
    health: [{ provider: provider.name, status: found.health, checkedAt: clock.wall() }],
    leases: [],
  }
  return registry.import(snapshot)
}

/** What a scan knows of it is new; what somebody has settled about it stays, and what a locked one no longer tells. */
function record(found: Found, before: SavedProvider | undefined): SavedProvider {
  const { catalogue: _, connect: __, probe: ___, health: ____, ...said } = sightingOf(found)
  const locked = found.needsCredentials ? before : undefined
  return {
    handlers: ['*'],
    priority: 2,
    group: 0,
    weight: 1,
    dependencies: [],
    ...before,
    name: found.name,
    service: before?.service ?? found.service,
    origin,
    address: found.address,
    version: said.version ?? locked?.version,
    apiVersion: said.apiVersion ?? locked?.apiVersion,
    capabilities: locked?.capabilities ?? found.capabilities,
    models: locked?.models ?? found.models.map(({ id }) => id),
    limits: found.limits ?? locked?.limits,
    metadata: { ...said.metadata },
  }
}
