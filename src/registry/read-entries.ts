import { CorruptSnapshotError } from '../core/errors.js'
import type { Migration } from '../model/migrations/migration.js'
import { type ParsedSnapshot, parseSnapshot, snapshotReading } from '../model/parse/snapshot.js'
import { keyOf, type Section, type Snapshot, schemaVersion, sections } from '../model/snapshot.js'
import type { StoreChange } from '../store/store.js'
import { inSlices, type Steps } from './slices.js'

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

/** What reading an entry costs, as the length of text that takes as long. */
const cost = 400

/** A slice at a time, as a whole or not at all. Throws as `parseSnapshot` does. */
export function readSnapshot(
  snapshot: Snapshot,
  migrations: readonly Migration[] | undefined,
  store: string,
): Promise<ParsedSnapshot> {
  return inSlices(snapshotReading(snapshot, migrations, store), cost)
}

/**
 * The same for a snapshot that others have written to, too: what one of them got wrong must not keep all of them from
 * starting. Throws `UnsupportedSnapshotError`, and `CorruptSnapshotError` for what is no snapshot.
 */
export async function readShared(
  snapshot: Snapshot,
  migrations: readonly Migration[] | undefined,
  store: string,
  refuse: Refuse,
): Promise<ParsedSnapshot> {
  try {
    return await readSnapshot(snapshot, migrations, store)
  } catch (error) {
    if (!(error instanceof CorruptSnapshotError) || snapshot.schemaVersion !== schemaVersion)
      throw error
  }
  const entries = sections.flatMap((section) =>
    (snapshot[section] ?? []).map(
      (value): Entry => ({ section, key: keyIn(section, value), value }),
    ),
  )
  const read = await inSlices(readingAlone(entries, store, refuse), cost)
  return {
    providers: read.flatMap(({ providers }) => providers),
    models: read.flatMap(({ models }) => models),
    capabilities: read.flatMap(({ capabilities }) => capabilities),
    circuits: read.flatMap(({ circuits }) => circuits),
    health: read.flatMap(({ health }) => health),
    leases: read.flatMap(({ leases }) => leases),
  }
}

function* readingAlone(
  entries: readonly Entry[],
  store: string,
  refuse: Refuse,
): Steps<readonly ParsedSnapshot[]> {
  const read: ParsedSnapshot[] = []
  for (const entry of entries) {
    read.push(...readAlone(entry, store, refuse))
    yield
  }
  return read
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
