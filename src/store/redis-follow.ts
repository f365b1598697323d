import type { Clock } from '../core/clock.js'
import { isoTime, whenAborted } from '../core/clock.js'
import type { Limit } from '../core/limit.js'
import type { Link } from './redis-link.js'
import {
  type FieldChange,
  type Found,
  inPieces,
  type LogEntry,
  type Place,
  type Position,
} from './redis-place.js'
import { type RedisRecord, toChange } from './redis-record.js'
import type { Replica } from './redis-replica.js'
import type { StoreChange } from './store.js'

export interface FollowPorts {
  readonly clock: Clock
  readonly node: string
  readonly place: Place
  readonly replica: Replica
  /** One write at a time: what is written again must not undo what was written meanwhile. */
  readonly alone: Limit
  /** How long the owners of what a place has lost may take to write it again. */
  readonly forgetAfterMs: number
}

/** How long one read waits for news, and so how late the loss of a place is noticed. */
const blockMs = 1_000

type Changes = AsyncGenerator<readonly StoreChange[], void, undefined>

/** Reads what others change: from the log, or, where that does not go on from here, from a snapshot. */
export class Follower {
  readonly #ports: FollowPorts
  #seen: Position = { id: '', revision: 0, run: '', mark: '' }

  constructor(ports: FollowPorts) {
    this.#ports = ports
  }

  /** All records and the position that they are of, which is seen from now on. */
  async begin(link: Link): Promise<{ readonly found: Found; readonly records: Records }> {
    const { found, records } = await snapshot(this.#ports.place, link)
    for (const [field, { revision }] of records) this.#ports.replica.see(field, revision)
    this.#seen = found
    return { found, records }
  }

  /** The first write makes a place. */
  made(id: string): void {
    if (this.#seen.id === '') this.#seen = { ...this.#seen, id }
  }

  /** Ends with the signal; throws when the connection fails, and then goes on where it was. */
  async *changes(link: Link, signal: AbortSignal): Changes {
    void whenAborted(signal).then(() => link.close())
    try {
      yield* this.#catchUp(link)
      while (!signal.aborted) {
        const { place, replica, clock } = this.#ports
        const entries = await place.following(link, this.#seen.revision, blockMs)
        if (entries.length > 0 && this.#goesOn(entries)) yield* this.#replay(link, entries)
        else yield* this.#catchUp(link)
        yield* changesOf(replica.release(clock.now()).map((field) => [field, undefined]))
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** The log has all that came since. */
  #goesOn(entries: readonly LogEntry[]): boolean {
    return entries.every(({ revision }, at) => revision === this.#seen.revision + 1 + at)
  }

  /** Whether this is still the place that was seen, and what came since. */
  async *#catchUp(link: Link): Changes {
    const { place } = this.#ports
    const found = await place.position(link, this.#seen.revision)
    if (!continues(this.#seen, found)) {
      yield* this.#resync(link, true)
      return
    }
    this.#seen = { ...this.#seen, id: found.id, run: found.run }
    while (this.#seen.revision < found.revision) {
      const entries = await place.log(link, this.#seen.revision)
      if (entries.length === 0 || !this.#goesOn(entries)) {
        yield* this.#resync(link, false)
        return
      }
      yield* this.#replay(link, entries)
    }
  }

  async *#replay(link: Link, entries: readonly LogEntry[]): Changes {
    const { node, place } = this.#ports
    const others = entries.filter((entry) => entry.node !== node)
    for (const fields of inPieces([...new Set(others.flatMap((entry) => entry.fields))]))
      yield* this.#news(await place.values(link, fields))
    const last = entries.at(-1)
    if (last !== undefined) this.#seen = { ...this.#seen, revision: last.revision, mark: last.mark }
  }

  /** A snapshot, as the difference from what was seen. After a loss, what this node wrote is written again. */
  async *#resync(link: Link, lost: boolean): Changes {
    const { clock, forgetAfterMs, node, place, replica } = this.#ports
    const { found, records } = await snapshot(place, link)
    if (lost) await this.#ports.alone(() => this.#rewrite(link, records))
    const others = [...records].filter(([, record]) => record.node !== node)
    // After a loss, the same revision may be another one's.
    if (lost) for (const [field] of others) replica.see(field, 0)
    const missing = replica.fields().filter((field) => !records.has(field))
    const until = clock.now() + forgetAfterMs
    if (lost)
      for (const field of missing) if (replica.own(field) === undefined) replica.hold(field, until)
    const news = others.filter(([field, { revision }]) => !replica.has(field, revision))
    const asked = [...news.map(([field]) => field), ...(lost ? [] : missing)]
    // Read once more: this node may have written since.
    for (const fields of inPieces(asked)) yield* this.#news(await place.values(link, fields))
    this.#seen = found
  }

  /** What this node wrote last is gone, or is older than that. */
  async #rewrite(link: Link, records: Records): Promise<void> {
    const { clock, node, place, replica } = this.#ports
    const owned = replica.fields().flatMap((field): FieldChange[] => {
      const own = replica.own(field)
      const found = records.get(field)
      if (own === undefined || found?.json === own) return []
      return found === undefined || found.node === node ? [[field, own]] : []
    })
    const savedAt = isoTime(clock.wall())
    for (const onlyNew of [true, false])
      for (const changes of inPieces(owned.filter(([field]) => records.has(field) !== onlyNew))) {
        const { revision } = await place.write(link, changes, { savedAt, onlyNew })
        for (const [field, own] of changes) replica.wrote(field, revision, own)
      }
  }

  *#news(
    values: Iterable<readonly [string, RedisRecord | undefined]>,
  ): Generator<readonly StoreChange[]> {
    const { node, replica } = this.#ports
    yield* changesOf(
      [...values].filter(([field, record]) => {
        if (record === undefined) return replica.forget(field)
        return record.node !== node && replica.see(field, record.revision)
      }),
    )
  }
}

type Records = ReadonlyMap<string, RedisRecord>

/** Whether one position comes after another in the same history. */
function continues(seen: Position, found: Found): boolean {
  if (seen.id === '') return true // nothing was ever seen
  if (found.id !== seen.id || found.revision < seen.revision) return false
  // Another Redis answers: it has to know what was seen.
  return found.run === seen.run || found.asked === seen.mark
}

function* changesOf(
  values: readonly (readonly [string, RedisRecord | undefined])[],
): Generator<readonly StoreChange[]> {
  const changes = values.flatMap(([field, record]) => toChange(field, record) ?? [])
  if (changes.length > 0) yield changes
}

/** Rounds after which a place that never rests is taken as it is: what comes later is followed. */
const mostRounds = 20

/** All records as they were at one revision: read in pieces, then brought up to date from the log. */
async function snapshot(
  place: Place,
  link: Link,
): Promise<{ readonly found: Found; readonly records: Records }> {
  let found = await place.position(link)
  const records = new Map<string, RedisRecord>()
  for await (const piece of place.scan(link))
    for (const [field, record] of piece) records.set(field, record)
  for (let round = 0; round < mostRounds; round++) {
    const now = await place.position(link, found.revision)
    if (now.revision === found.revision && now.id === found.id) return { found: now, records }
    const entries = await place.log(link, found.revision)
    const goesOn = entries[0]?.revision === found.revision + 1 && now.id === found.id
    if (!goesOn) return snapshot(place, link) // trimmed, or another place: begin anew
    const fields = [...new Set(entries.flatMap((entry) => entry.fields))]
    for (const some of inPieces(fields))
      for (const [field, record] of await place.values(link, some))
        if (record === undefined) records.delete(field)
        else records.set(field, record)
    const { revision, mark } = entries.at(-1) ?? found
    found = { ...now, revision, mark }
  }
  return { found, records }
}
