import { CorruptSnapshotError } from '../core/errors.js'
import type { Migration } from '../model/migrations/migration.js'
import { type ParsedSnapshot, parseSnapshot } from '../model/parse/snapshot.js'
import { keyOf, type Section, type Snapshot, schemaVersion, sections } from '../model/snapshot.js'
import type { StoreChange } from '../store/store.js'

type Entry = Pick<StoreChange, 'section' | 'key'> & { readonly value?: unknown }
type Refuse = (error: unknown) => void

/** The entries of a store that others write to, too. One that is wrong is refused alone; gone ones are left out. */
export function readEntries(
  changes: readonly Entry[],
  store: string,
  refuse: Refuse,
): readonly ParsedSnapshot[] {
  const entries = changes.filter(({ value }) => value !== undefined)
  try {
    return [readAll(entries, store)]
  } catch {
    return entries.flatMap((entry) => readAlone(entry, store, refuse))
  }
}

/**
 * A snapshot that others have written to, too: what one of them got wrong must not keep all of them from starting.
 * Throws `UnsupportedSnapshotError`, and `CorruptSnapshotError` for what is no snapshot.
 */
export function readShared(
  snapshot: Snapshot,
  migrations: readonly Migration[] | undefined,
  store: string,
  refuse: Refuse,
): ParsedSnapshot {
  try {
    return parseSnapshot(snapshot, migrations, store)
  } catch (error) {
    if (!(error instanceof CorruptSnapshotError) || snapshot.schemaVersion !== schemaVersion)
      throw error
  }
  const entries = sections.flatMap((section) =>
    (snapshot[section] ?? []).map(
      (value): Entry => ({ section, key: keyIn(section, value), value }),
    ),
  )
  const read = readEntries(entries, store, refuse)
  return {
    providers: read.flatMap(({ providers }) => providers),
    models: read.flatMap(({ models }) => models),
    capabilities: read.flatMap(({ capabilities }) => capabilities),
    circuits: read.flatMap(({ circuits }) => circuits),
    health: read.flatMap(({ health }) => health),
    leases: read.flatMap(({ leases }) => leases),
  }
}

/** Throws `CorruptSnapshotError`. */
function readAll(entries: readonly Entry[], where: string): ParsedSnapshot {
  const lists = new Map<string, unknown[]>()
  for (const { section, key, value } of entries) {
    if (keyIn(section, value, key) !== key)
      throw new CorruptSnapshotError(`${where} is not what its key says, so it was not taken over`)
    const list = lists.get(section)
    if (list === undefined) lists.set(section, [value])
    else list.push(value)
  }
  return parseSnapshot({ schemaVersion, savedAt: '', ...Object.fromEntries(lists) }, [], where)
}

function readAlone(entry: Entry, store: string, refuse: Refuse): readonly ParsedSnapshot[] {
  try {
    return [readAll([entry], `${entry.section} "${entry.key}" of ${store}`)]
  } catch (error) {
    refuse(error)
    return []
  }
}

/** What is no object has no key: its parser refuses it. */
function keyIn(section: Section, value: unknown, otherwise = ''): string {
  if (typeof value !== 'object' || value === null) return otherwise
  const read: (entry: never) => unknown = keyOf[section]
  return String(read(value as never))
}
