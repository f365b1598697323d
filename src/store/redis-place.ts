import { randomUUID } from 'node:crypto'
import { schemaVersion } from '../model/snapshot.js'
import type { Link } from './redis-link.js'
import { type RedisRecord, toRecord } from './redis-record.js'
import {
  positionScript,
  restoreScript,
  type Script,
  sweepScript,
  writeScript,
} from './redis-scripts.js'

/** How far a place has come, and which one it is. */
export interface Position {
  /** Of this place; '' while nothing was ever kept. Another one after its data was lost. */
  readonly id: string
  /** Grows with each group of changes, beyond all that its writer had seen, of whatever place. */
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
  /** The mark of the group before. */
  readonly prev: string
  readonly fields: readonly string[]
}

export interface PlaceSettings {
  readonly namespace: string
  /** Who writes. */
  readonly node: string
  /** Groups that the log keeps, at least. */
  readonly historyLength: number
}

export interface FieldChange {
  readonly field: string
  /** '' where it is gone. */
  readonly json: string
  /**
   * The registration of a provider that this is about; '' for whichever there is, `new` for another one, `none` for one
   * that only this node knows.
   */
  readonly epoch: string
  /** Whether it was kept before, as far as this node knows. */
  readonly known: boolean
  /** Nothing but a lease renewed for so long. */
  readonly renewedForMs?: number | undefined
}

/** What a node wrote last, with the version that it got. */
export interface Owned {
  readonly field: string
  readonly version: number
  readonly node: string
  readonly epoch: string
  readonly json: string
}

export interface Written {
  readonly revision: number
  /** Of another registration than the provider has now. */
  readonly refused: readonly string[]
  /** Leases that are to be written in full: they are over, or not there. */
  readonly again: readonly string[]
  /** The registration that a provider has now, by field. */
  readonly epochs: ReadonlyMap<string, string>
}

/** Who ends leases: none of the nodes. */
export const sweeper = 'sweep'

/** How long it is remembered that something is gone: a node that missed it may still believe otherwise. */
export const goneForMs = 3_600_000

/** Groups read from the log at a time. */
const mostGroups = 256
/** Fields read or written at a time where that needs not be one step. */
const mostFields = 500
/** Leases ended at a time. */
const mostDue = 200
/** Sweeps are more frequent while any node is there. */
const unsweptMs = 3_000

export const inPieces = <T>(list: readonly T[]): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(list.length / mostFields) }, (_, at) =>
    list.slice(at * mostFields, (at + 1) * mostFields),
  )

/** What of Redis belongs to one namespace. All keys have one hash tag, so a cluster keeps them together. */
export class Place {
  readonly #settings: PlaceSettings
  readonly #keys: readonly string[]
  readonly #records: string
  readonly #log: string
  readonly #fence: string
  #writes = 0
  /** What a write goes on from: a place that does not hold it has lost data. */
  #believed: Pick<Position, 'id' | 'revision' | 'mark'> = nowhere
  /** The highest revision that was ever seen, of whatever place: what is written now is newer. */
  #latest = 0

  constructor(settings: PlaceSettings) {
    this.#settings = settings
    const tag = `{switchgear:${settings.namespace}}`
    this.#records = `${tag}:records`
    this.#log = `${tag}:log`
    this.#fence = `${tag}:node:${settings.node}`
    this.#keys = [`${tag}:meta`, this.#records, this.#log, `${tag}:due`, `${tag}:gone`]
  }

  /** All of these changes in one step, but what is refused. Rejects with an error for which `isLost` where it lost data. */
  async write(link: Link, changes: readonly FieldChange[], savedAt: string): Promise<Written> {
    const { id, revision, mark } = this.#believed
    const reply = await run(
      link,
      writeScript,
      [...this.#keys, this.#fence],
      [
        ...this.#head(savedAt),
        ...[String(++this.#writes), id, String(revision), mark, String(this.#latest)],
        String(goneForMs),
        ...inPieces(changes).map((piece) => JSON.stringify(piece.flatMap(toArguments))),
      ],
      changes.length, // a millisecond for each is more than it takes
    )
    const [, , , refused = '', again = '', given = ''] = texts(reply)
    this.#moved(reply)
    return {
      revision: this.#believed.revision,
      refused: listOf(refused),
      again: listOf(again),
      epochs: pairsOf(listOf(given)),
    }
  }

  /** What of this is newer than what is there. From now on this place is believed. */
  async restore(link: Link, owned: readonly Owned[], savedAt: string): Promise<void> {
    for (const piece of inPieces(owned)) {
      const flat = piece.flatMap((one) => [
        one.field,
        String(one.version),
        one.node,
        one.epoch,
        one.json,
      ])
      const head = [...this.#head(savedAt), String(this.#latest)]
      const args = [...head, JSON.stringify(flat)]
      this.#moved(await run(link, restoreScript, this.#keys, args, piece.length))
    }
    if (owned.length === 0) this.#believe(await this.position(link))
  }

  /** Ends leases that are over, once for all nodes. */
  async sweep(link: Link): Promise<void> {
    const { historyLength } = this.#settings
    const most = [historyLength, mostDue, unsweptMs, goneForMs].map(String)
    await run(link, sweepScript, this.#keys, [sweeper, randomUUID(), ...most], mostDue)
  }

  /** Of the place that is believed; '' where nothing was ever written, as far as is known. */
  get id(): string {
    return this.#believed.id
  }

  /** It has come so far, as the log says. */
  reached(position: Position): void {
    const { id, revision } = this.#believed
    if (position.id !== id || position.revision > revision) this.#believe(position)
  }

  #moved(reply: unknown): void {
    const [id = '', revision = '0', mark = ''] = texts(reply)
    this.#believe({ id, revision: Number(revision), mark })
  }

  #believe(position: Pick<Position, 'id' | 'revision' | 'mark'>): void {
    this.#believed = position
    this.#latest = Math.max(this.#latest, position.revision)
  }

  #head(savedAt: string): readonly string[] {
    const { node, historyLength } = this.#settings
    return [randomUUID(), node, randomUUID(), String(historyLength), savedAt, schemaVersion]
  }

  /** With the mark of a revision that was seen before. */
  async position(link: Link, revision = 0): Promise<Found> {
    const reply = await run(link, positionScript, this.#keys, [String(revision)], 0)
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

const nowhere = { id: '', revision: 0, mark: '' }

/** A lease that was only renewed says for how long, and nothing else of itself. */
function toArguments(change: FieldChange): readonly string[] {
  const { field, json, epoch, known, renewedForMs } = change
  return [field, renewedForMs === undefined ? json : `~${renewedForMs}`, epoch, known ? '1' : '']
}

export const isLost = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('LOST')

/** Newer protocols answer with a map. */
const first = (reply: unknown): unknown =>
  reply instanceof Map ? reply.values().next().value : Object.values(reply ?? {})[0]

const texts = (reply: unknown): string[] => (Array.isArray(reply) ? reply.map(String) : [])

function entriesOf(list: unknown): readonly LogEntry[] {
  return (Array.isArray(list) ? list : []).map((entry: unknown): LogEntry => {
    const [id, fields] = Array.isArray(entry) ? entry : []
    const [, node = '', , mark = '', , changed = '[]', , prev = ''] = texts(fields)
    return { revision: Number.parseInt(String(id), 10), node, mark, prev, fields: listOf(changed) }
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

const pairsOf = (flat: readonly string[]): ReadonlyMap<string, string> =>
  new Map(flat.flatMap((one, at) => (at % 2 === 0 ? [[one, flat[at + 1] ?? ''] as const] : [])))

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
