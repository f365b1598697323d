import { randomUUID } from 'node:crypto'
import { schemaVersion } from '../model/snapshot.js'
import type { Link } from './redis-link.js'
import { type RedisRecord, toRecord } from './redis-record.js'
import { positionScript, type Script, writeScript } from './redis-scripts.js'

/** How far a place has come, and which one it is. */
export interface Position {
  /** Of this place; '' while nothing was ever kept. Another one after its data was lost. */
  readonly id: string
  /** One more for each group of changes. */
  readonly revision: number
  /** Of the Redis that answers: another one after a restart or a fail-over. '' where it does not say. */
  readonly run: string
  /** Of the last group, to tell it from another one of the same revision. '' when it is trimmed away. */
  readonly mark: string
}

export interface Found extends Position {
  /** The mark of the group that was asked for. */
  readonly asked: string
  /** ISO 8601; '' when nothing was ever kept. */
  readonly savedAt: string
  readonly schema: string
}

/** A group of changes in the log. */
export interface LogEntry {
  readonly revision: number
  readonly node: string
  readonly mark: string
  readonly fields: readonly string[]
}

export interface PlaceSettings {
  readonly namespace: string
  /** Who writes. */
  readonly node: string
  /** Groups that the log keeps, at least. */
  readonly historyLength: number
}

/** A field and its JSON, '' where it is gone. */
export type FieldChange = readonly [field: string, json: string]

/** Groups read from the log at a time. */
const mostGroups = 256
/** Fields read or written at a time where that needs not be one step. */
const mostFields = 500

export const inPieces = <T>(list: readonly T[]): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(list.length / mostFields) }, (_, at) =>
    list.slice(at * mostFields, (at + 1) * mostFields),
  )

/** What of Redis belongs to one namespace. All keys have one hash tag, so a cluster keeps them together. */
export class Place {
  readonly #settings: PlaceSettings
  readonly #meta: string
  readonly #records: string
  readonly #log: string
  readonly #fence: string
  #writes = 0

  constructor(settings: PlaceSettings) {
    this.#settings = settings
    const tag = `{switchgear:${settings.namespace}}`
    this.#meta = `${tag}:meta`
    this.#records = `${tag}:records`
    this.#log = `${tag}:log`
    this.#fence = `${tag}:node:${settings.node}`
  }

  /** All of these changes in one step. With `onlyNew`, what is there stays. */
  async write(
    link: Link,
    changes: readonly FieldChange[],
    at: { readonly savedAt: string; readonly onlyNew?: boolean },
  ): Promise<Pick<Position, 'id' | 'revision'>> {
    const { node, historyLength } = this.#settings
    const fields = JSON.stringify([...new Set(changes.map(([field]) => field))])
    const reply = await run(
      link,
      writeScript,
      [this.#meta, this.#records, this.#log, this.#fence],
      [
        ...[randomUUID(), node, randomUUID(), String(historyLength), at.savedAt, schemaVersion],
        ...[at.onlyNew === true ? 'new' : '', fields, String(++this.#writes)],
        ...inPieces(changes).map((piece) => JSON.stringify(piece.flat())),
      ],
      changes.length, // a millisecond for each is more than it takes
    )
    const [id, revision] = texts(reply)
    return { id: id ?? '', revision: Number(revision) }
  }

  /** With the mark of a revision that was seen before. */
  async position(link: Link, revision = 0): Promise<Found> {
    const reply = await run(link, positionScript, [this.#meta, this.#log], [String(revision)], 0)
    const [id = '', at = '0', runId = '', mark = '', asked = '', savedAt = '', schema = ''] =
      texts(reply)
    return { id, revision: Number(at), run: runId, mark, asked, savedAt, schema }
  }

  /** Every record, in pieces; one that changes meanwhile as it was or as it is. */
  async *scan(link: Link): AsyncGenerator<readonly (readonly [string, RedisRecord])[]> {
    let cursor = '0'
    do {
      const reply = await link.call('hscan', [this.#records, cursor, 'COUNT', String(mostFields)])
      const [next, found] = Array.isArray(reply) ? reply : []
      const flat = texts(found)
      cursor = String(next ?? '0')
      yield flat.flatMap((field, at) =>
        at % 2 === 0 ? [[field, toRecord(flat[at + 1] ?? '')] as const] : [],
      )
    } while (cursor !== '0')
  }

  /** The records of these fields as they are now. */
  async values(
    link: Link,
    fields: readonly string[],
  ): Promise<readonly (readonly [string, RedisRecord | undefined])[]> {
    if (fields.length === 0) return []
    const reply = await link.call('hmget', [this.#records, ...fields])
    const list: readonly unknown[] = Array.isArray(reply) ? reply : []
    return fields.map((field, at) => {
      const text = list[at]
      return [field, typeof text === 'string' ? toRecord(text) : undefined]
    })
  }

  /** The next groups behind a revision. Waits up to `blockMs` for one. */
  async following(link: Link, revision: number, blockMs: number): Promise<readonly LogEntry[]> {
    const args = ['COUNT', String(mostGroups), 'BLOCK', String(blockMs)]
    const from = `${revision}-0`
    const reply = await link.call('xread', [...args, 'STREAMS', this.#log, from], blockMs)
    return entriesOf(Array.isArray(reply) ? reply[0]?.[1] : first(reply))
  }

  /** The same without waiting. */
  async log(link: Link, revision: number): Promise<readonly LogEntry[]> {
    const args = [this.#log, `${revision + 1}-0`, '+', 'COUNT', String(mostGroups)]
    return entriesOf(await link.call('xrange', args))
  }
}

/** Newer protocols answer with a map. */
const first = (reply: unknown): unknown =>
  reply instanceof Map ? reply.values().next().value : Object.values(reply ?? {})[0]

const texts = (reply: unknown): string[] => (Array.isArray(reply) ? reply.map(String) : [])

function entriesOf(list: unknown): readonly LogEntry[] {
  return (Array.isArray(list) ? list : []).map((entry: unknown): LogEntry => {
    const [id, fields] = Array.isArray(entry) ? entry : []
    const [, node = '', , mark = '', , changed = '[]'] = texts(fields)
    return { revision: Number.parseInt(String(id), 10), node, mark, fields: listOf(changed) }
  })
}

function listOf(json: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(json)
    return Array.isArray(list) ? list.filter((one) => typeof one === 'string') : []
  } catch {
    return [] // somebody else has written to the log
  }
}

async function run(
  link: Link,
  { sha, text }: Script,
  keys: readonly string[],
  args: readonly string[],
  extraMs: number,
): Promise<unknown> {
  const rest = [String(keys.length), ...keys, ...args]
  try {
    return await link.call('evalsha', [sha, ...rest], extraMs)
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return link.call('eval', [text, ...rest], extraMs)
  }
}
