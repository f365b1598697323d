import { CorruptSnapshotError, UnsupportedSnapshotError } from '../core/errors.js'
import { from10 } from './migrations/from-1.0.js'
import type { Migration, SnapshotDocument } from './migrations/migration.js'
import { schemaVersion } from './snapshot.js'

/** Each past schema of ours has one. */
const builtIn: readonly Migration[] = [from10]

/** More steps than there could be versions: they run in a circle. */
const mostSteps = 100

/**
 * The document in the schema of today. `own` migrations go before the built-in ones, and need only
 * reach a version that those read. Throws `UnsupportedSnapshotError` for a version that nothing reads,
 * `CorruptSnapshotError` for what is no snapshot.
 */
export function migrate(
  document: unknown,
  own: readonly Migration[] = [],
  where?: string,
): SnapshotDocument {
  let current = toDocument(document, where)
  let version = versionOf(current, where)
  const migrations = [...own, ...builtIn]
  for (let steps = 0; version !== schemaVersion; steps++) {
    const step = migrations.find(({ from }) => from === version)
    if (step === undefined || steps === mostSteps)
      throw new UnsupportedSnapshotError(version, [schemaVersion, ...readable(migrations)], where)
    current = { ...migrated(step, current, where), schemaVersion: step.to }
    version = step.to
  }
  return current
}

/** The version of a document; throws `CorruptSnapshotError` when it has none. */
export function versionOf(document: SnapshotDocument, where?: string): string {
  const version = document.schemaVersion ?? document.version
  if (typeof version === 'string' && version !== '') return version
  if (typeof version === 'number') return Number.isInteger(version) ? `${version}.0` : `${version}`
  throw new CorruptSnapshotError(
    `${where ?? 'This'} is no snapshot of a registry: it has neither schemaVersion nor version`,
  )
}

const readable = (migrations: readonly Migration[]): readonly string[] => [
  ...new Set(migrations.map(({ from }) => from)),
]

function toDocument(document: unknown, where: string | undefined): SnapshotDocument {
  if (typeof document === 'object' && document !== null && !Array.isArray(document))
    return { ...document }
  const found = document === null ? 'null' : Array.isArray(document) ? 'a list' : typeof document
  throw new CorruptSnapshotError(
    `${where ?? 'This'} is no snapshot of a registry: expected an object, got ${found}`,
  )
}

function migrated(
  step: Migration,
  document: SnapshotDocument,
  where: string | undefined,
): SnapshotDocument {
  try {
    const result: unknown = step.migrate(document)
    if (result instanceof Promise) {
      result.catch(() => {}) // it comes too late to be told
      throw new TypeError('expected a document, got a promise: a migration cannot wait')
    }
    return toDocument(result, where)
  } catch (cause) {
    throw new CorruptSnapshotError(
      `${where ?? 'The snapshot'} could not be migrated from ${step.from} to ${step.to}`,
      { cause },
    )
  }
}
