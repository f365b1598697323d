import { z } from 'zod'
import { CorruptSnapshotError, type InputIssue, isSwitchgearError } from '../../core/errors.js'
import type { CapabilityDefinition } from '../definition.js'
import { healths } from '../health.js'
import type { SavedLease } from '../lease.js'
import type { Model } from '../llm-model.js'
import { migrate } from '../migrate.js'
import type { Migration } from '../migrations/migration.js'
import type { CircuitOptions } from '../provider.js'
import {
  keyOf,
  type SavedCircuitEntry,
  type SavedHealth,
  type SavedProvider,
  type SavedSettings,
  type Section,
} from '../snapshot.js'
import { parseSavedCircuitEntry } from './circuit.js'
import { parseDefinition } from './definition.js'
import { parseSavedLease } from './lease.js'
import { parseModel } from './model.js'
import { hasOnly, isMoment, isObject } from './plainly.js'
import { parse, parseQuick, preview, type Quick, unknownField, unreadable } from './read.js'
import { type ParsedRegistration, parseWithoutInstance } from './registration.js'
import { isText, text } from './words.js'

/** A snapshot that was read and found whole. */
export interface ParsedSnapshot {
  readonly providers: readonly ParsedRegistration[]
  readonly models: readonly Model[]
  readonly capabilities: readonly CapabilityDefinition[]
  readonly circuits: readonly SavedCircuitEntry[]
  readonly health: readonly SavedHealth[]
  readonly leases: readonly SavedLease[]
}

/** A damaged file must not fill the screen. */
const mostIssues = 20
/** Entries of one section. */
const mostEntries = 1_000_000

const fields = ['schemaVersion', 'savedAt', 'sequence']

/**
 * Reads a snapshot of any version, as a whole or not at all. Throws `CorruptSnapshotError`, which names
 * each wrong entry and field, and `UnsupportedSnapshotError`.
 */
export function parseSnapshot(
  input: unknown,
  migrations?: readonly Migration[],
  where?: string,
): ParsedSnapshot {
  const reading = snapshotReading(input, migrations, where)
  for (;;) {
    const { done, value } = reading.next()
    if (done) return value
  }
}

/** The same in steps, for who lets others run in between: each is an entry that was read. */
export type SnapshotReading = Generator<undefined, ParsedSnapshot, void>

export function* snapshotReading(
  input: unknown,
  migrations: readonly Migration[] = [],
  where = 'The snapshot',
): SnapshotReading {
  try {
    return yield* read(input, migrations, where)
  } catch (error) {
    if (isSwitchgearError(error)) throw error
    const issues = [{ field: '', message: unreadable(error) }]
    throw new CorruptSnapshotError(`${where} cannot be read:`, { issues })
  }
}

function* read(input: unknown, migrations: readonly Migration[], where: string): SnapshotReading {
  const document = migrate(input, migrations, where)
  const reader = new Reader(document)
  const known = new Set<string>([...fields, ...Object.keys(readers)])
  for (const field of Object.keys(document))
    if (!known.has(field)) reader.issues.push({ field, message: 'is not a known section' })
  const parsed: ParsedSnapshot = {
    providers: yield* reader.read('providers', readers.providers, ({ record }) => record.name),
    models: yield* reader.read('models', readers.models, keyOf.models),
    capabilities: yield* reader.read('capabilities', readers.capabilities, keyOf.capabilities),
    circuits: yield* reader.read('circuits', readers.circuits, keyOf.circuits),
    health: yield* reader.read('health', readers.health, keyOf.health),
    leases: yield* reader.read('leases', readers.leases, keyOf.leases),
  }
  const { issues } = reader
  if (issues.length === 0) return parsed
  const more = issues.length - mostIssues
  const rest = more > 0 ? [{ field: '', message: `and ${more} more` }] : []
  throw new CorruptSnapshotError(
    `${where} has ${count(issues.length)}, so nothing of it was taken over:`,
    {
      issues: [...issues.slice(0, mostIssues), ...rest],
    },
  )
}

const count = (issues: number): string => (issues === 1 ? 'a mistake' : `${issues} mistakes`)

/** Reads section by section and gathers what is wrong. */
class Reader {
  readonly issues: InputIssue[] = []
  readonly #document: Readonly<Record<string, unknown>>

  constructor(document: Readonly<Record<string, unknown>>) {
    this.#document = document
  }

  *read<T>(
    section: Section,
    one: (entry: unknown) => T,
    keyOf: (entry: T) => string,
  ): Generator<undefined, readonly T[]> {
    const entries = this.#document[section] ?? []
    if (!Array.isArray(entries) || entries.length > mostEntries) {
      const expected = `expected a list of at most ${mostEntries} entries`
      this.issues.push({ field: section, message: `${expected}, got ${preview(entries, [])}` })
      return []
    }
    const seen = new Set<string>()
    const found: T[] = []
    for (const [index, entry] of entries.entries()) {
      const place = (): string => `${section}[${index}]${nameOf(entry)}`
      const read = this.#try(place, () => one(entry))
      if (read === undefined) continue
      const key = keyOf(read)
      if (seen.has(key)) this.issues.push({ field: place(), message: 'is there twice' })
      seen.add(key)
      found.push(read)
      yield
    }
    return found
  }

  #try<T>(placeOf: () => string, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      const place = placeOf()
      for (const { field, message } of issuesOf(error))
        this.issues.push({ field: field === '' ? place : `${place}.${field}`, message })
      return undefined
    }
  }
}

/** What came of reading an entry; a getter of it may have thrown. */
const issuesOf = (error: unknown): readonly InputIssue[] =>
  isSwitchgearError(error) && 'issues' in error
    ? (error.issues as readonly InputIssue[])
    : [{ field: '', message: unreadable(error) }]

/** What a person would look for in the file. */
function nameOf(entry: unknown): string {
  if (typeof entry !== 'object' || entry === null) return ''
  try {
    const { name, provider, id } = entry as Readonly<Record<string, unknown>>
    const found = [name, id, provider].find((one) => typeof one === 'string')
    return found === undefined ? '' : ` (${preview(found, [])})`
  } catch {
    return '' // a getter
  }
}

const corrupt = (issues: readonly InputIssue[]): Error => new CorruptSnapshotError('', { issues })

const knownHealths: ReadonlySet<unknown> = new Set(healths)
const healthFields: ReadonlySet<string> = new Set(['provider', 'status', 'checkedAt'])

export const savedHealth: Quick<SavedHealth> = {
  schema: z.strictObject({ provider: text, status: z.enum(healths), checkedAt: z.number() }),
  plainly: (value): value is SavedHealth =>
    isObject(value) &&
    hasOnly(value, healthFields) &&
    isText(value.provider) &&
    knownHealths.has(value.status) &&
    isMoment(value.checkedAt),
}

const whose = z.object({ origin: text, name: text })

const readers = {
  providers: parseSavedProvider,
  models: parseModel,
  capabilities: parseDefinition,
  circuits: parseSavedCircuitEntry,
  health: (entry: unknown): SavedHealth => ({ ...parseQuick(savedHealth, entry, corrupt) }),
  leases: parseSavedLease,
} satisfies Record<Section, (entry: unknown) => unknown>

/** A saved provider is a registration without an instance: the same fields, the same rules. */
function parseSavedProvider(entry: unknown): ParsedRegistration {
  if (typeof entry !== 'object' || entry === null)
    throw corrupt([{ field: '', message: `expected a provider, got ${preview(entry, [])}` }])
  const { handlers, origin, circuit, ...rest } = entry as Readonly<Record<string, unknown>>
  const unknown = Object.keys(rest).filter((field) => !Object.hasOwn(savedFields, field))
  if (unknown.length > 0) throw corrupt(unknown.map((field) => ({ field, message: unknownField })))
  const { name } = rest
  const from =
    isText(origin) && isText(name) ? origin : parse(whose, { origin, name }, corrupt).origin
  const parsed = parseWithoutInstance({
    ...rest,
    handler: handlers,
    circuit: isSettings(circuit) ? unlimited(circuit) : circuit,
  })
  return { ...parsed, record: { ...parsed.record, origin: from } }
}

/** Of a registration, what can be written down. */
const savedFields: Readonly<Record<Exclude<keyof SavedProvider, ReadApart>, true>> = {
  name: true,
  service: true,
  priority: true,
  group: true,
  strategy: true,
  capabilities: true,
  version: true,
  apiVersion: true,
  models: true,
  dependencies: true,
  metadata: true,
  limits: true,
  weight: true,
  address: true,
  credential: true,
  requestsPerMinute: true,
  tokensPerMinute: true,
  concurrency: true,
  idempotent: true,
}

type ReadApart = 'handlers' | 'origin' | 'circuit'

const isSettings = (value: unknown): value is SavedSettings =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON has no Infinity: times without limit are written as `null`. */
export const limited = (options: CircuitOptions): SavedSettings =>
  swapped(options, Number.POSITIVE_INFINITY, null)
const unlimited = (saved: SavedSettings): object => swapped(saved, null, Number.POSITIVE_INFINITY)

function swapped(value: object, from: unknown, to: unknown): Readonly<Record<string, unknown>> {
  const entries = Object.entries(value).flatMap(([key, one]: [string, unknown]) => {
    if (one === undefined) return []
    if (one === from) return [[key, to]]
    return [[key, typeof one === 'object' && one !== null ? swapped(one, from, to) : one]]
  })
  return Object.freeze(Object.fromEntries(entries))
}
