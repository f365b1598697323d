import { isoTime } from '../core/clock.js'
import { keyOf, type Section, type Snapshot, schemaVersion, sections } from '../model/snapshot.js'
import { Damage, type LogContents } from './log-file.js'
import { Pace } from './pace.js'
import { type EncodedChange, isObject } from './record.js'
import { type Copy, type Document, sequenceOf } from './snapshot-file.js'

/** Between two entries of a snapshot, and around them all. */
const bytesBetween = 2
const bytesAround = 512

/** What a store holds: each entry as JSON, so that a copy at one point costs next to nothing. */
export class Contents {
  readonly #tables = new Map<Section, Map<string, string>>(
    sections.map((section) => [section, new Map()]),
  )
  /** Of a snapshot of this. */
  bytes: number = bytesAround

  /** The entries of a document that `fold` gave. */
  static async of(document: Document = {}): Promise<Contents> {
    const contents = new Contents()
    const pace = new Pace()
    for (const section of sections)
      for (const entry of listOf(document, section)) {
        const key = keyIn(section, entry)
        if (key === undefined) continue
        const value = JSON.stringify(entry)
        contents.set({ section, key, value })
        const pause = pace.entry(value.length)
        if (pause !== undefined) await pause
      }
    return contents
  }

  set({ section, key, value }: EncodedChange): void {
    const table = this.#tables.get(section)
    this.bytes += this.growth({ section, key, value })
    if (value === undefined) table?.delete(key)
    else table?.set(key, value)
  }

  /** By how much a change would make a snapshot longer. */
  growth({ section, key, value }: EncodedChange): number {
    return sizeOf(value) - sizeOf(this.#tables.get(section)?.get(key))
  }

  /** Copies that nobody else has. */
  toSnapshot(savedAt: string): Snapshot {
    const lists = [...this.#tables].map(([section, table]): [string, unknown[]] => [
      section,
      [...table.values()].map((entry) => JSON.parse(entry)),
    ])
    return toSnapshot({ savedAt, ...Object.fromEntries(lists) })
  }

  copy(): Copy['entries'] {
    const list = (section: Section): readonly string[] => [
      ...(this.#tables.get(section)?.values() ?? []),
    ]
    return {
      providers: list('providers'),
      models: list('models'),
      capabilities: list('capabilities'),
      circuits: list('circuits'),
      health: list('health'),
      leases: list('leases'),
    }
  }
}

const listOf = (document: Document, section: Section): readonly Document[] => {
  const list = document[section]
  return Array.isArray(list) ? list.filter(isObject) : []
}

/** As the interface of a store has it. Whoever takes the entries checks each of them. */
export function toSnapshot(document: Document): Snapshot {
  const { savedAt } = document
  return {
    schemaVersion,
    savedAt: typeof savedAt === 'string' ? savedAt : isoTime(0),
    ...Object.fromEntries(sections.map((section) => [section, listOf(document, section)])),
  } as Snapshot
}

const sizeOf = (value: string | undefined): number =>
  value === undefined ? 0 : Buffer.byteLength(value) + bytesBetween

export const isSection = (name: string): name is Section => Object.hasOwn(keyOf, name)

/** The document with the changes of its log, entries in the order in which they first came. */
export async function fold(document: Document, log: LogContents | undefined): Promise<Document> {
  const pace = new Pace()
  const tables = new Map<string, Map<string, unknown>>()
  for (const section of sections) {
    tables.set(section, await toTable(section, document[section] ?? [], pace))
  }
  const from = sequenceOf(document)
  for (const { sequence, section, key, value } of log?.records ?? []) {
    if (sequence <= from) continue
    const table = tables.get(section)
    if (table === undefined) throw new Damage(`change ${sequence} is of no section: "${section}"`)
    if (value === undefined) table.delete(key)
    else table.set(key, value)
    const pause = pace.entry(0)
    if (pause !== undefined) await pause
  }
  const lists = [...tables].map(([section, table]) => [section, [...table.values()]])
  return { ...document, ...Object.fromEntries(lists) }
}

async function toTable(section: Section, list: unknown, pace: Pace): Promise<Map<string, unknown>> {
  const table = new Map<string, unknown>()
  if (!Array.isArray(list)) throw new Damage(`"${section}" is no list`)
  for (const [index, entry] of list.entries()) {
    const key = isObject(entry) ? keyIn(section, entry) : undefined
    if (key === undefined) throw new Damage(`${section}[${index}] has no name or id`)
    if (table.has(key)) throw new Damage(`${section}[${index}] is there twice, as "${key}"`)
    table.set(key, entry)
    const pause = pace.entry(0)
    if (pause !== undefined) await pause
  }
  return table
}

/** Whoever takes the entries checks them; here only what tells them apart counts. */
function keyIn(section: Section, entry: Document): string | undefined {
  const read: (entry: never) => unknown = keyOf[section]
  const key = read(entry as never)
  return typeof key === 'string' ? key : undefined
}
