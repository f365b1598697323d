import type { Clock } from '../core/clock.js'
import { isoTime, whenAborted } from '../core/clock.js'
import type { Limit } from '../core/limit.js'
import { ofProviders } from '../model/snapshot.js'
import type { Link } from './redis-link.js'
import { type Found, inPieces, type LogEntry, type Place, type Position } from './redis-place.js'
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

/** How long one read waits for news, and so how late a loss is noticed and a lease is ended. */
export const blockMs = 1_000

type Changes = AsyncGenerator<readonly StoreChange[], void, undefined>

/** Reads what others change: from the log, or, where that does not go on from here, from a snapshot. */
export class Follower {
  readonly #ports: FollowPorts
  #seen: Position = { id: '', revision: 0, run: '', mark: '' }
  #refused = new Set<string>()
  /** Who waits until what was refused is told, while anybody follows. */
  #waiting: (() => void)[] | undefined
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(ports: FollowPorts) {
    this.#ports = ports
  }

  /** All records and the position that they are of, which is seen from now on. */
  async begin(link: Link): Promise<{ readonly found: Found; readonly records: Records }> {
    const { found, records } = await snapshot(this.#ports.place, link)
    for (const [field, record] of records) this.#ports.replica.see(field, record)
    this.#seen = found
    this.#ports.place.reached(found)
    return { found, records }
  }

  /** What another registration of a provider has refused: what is so instead is told. Resolves when it is. */
  refused(fields: readonly string[]): Promise<void> {
    for (const field of fields) for (const one of fieldsBeside(field)) this.#refused.add(one)
    const waiting = this.#waiting
    if (fields.length === 0 || waiting === undefined) return Promise.resolve()
    return new Promise((resolve) => void waiting.push(resolve))
  }

  /** What this node wrote last is written again where a place has lost it. To be called alone. */
  async restore(link: Link, except: ReadonlySet<string> = new Set()): Promise<void> {
    const { clock, place, replica } = this.#ports
    const owned = replica.owned().filter(({ field }) => !except.has(field))
    await place.restore(link, owned, isoTime(clock.wall()))
  }

  /**
   * Ends with the signal; throws when the connection fails, and then goes on where it was. Says each time when it has
   * told all there is.
   */
  async *changes(link: Link, signal: AbortSignal, caughtUp: () => void): Changes {
    void whenAborted(signal).then(() => link.close())
    this.#waiting ??= []
    let failed = false
    try {
      yield* this.#catchUp(link)
      while (!signal.aborted) {
        yield* this.#again(link)
        await this.#sweep(link)
        if (signal.aborted) return
        caughtUp()
        const entries = await this.#ports.place.following(link, this.#seen.revision, blockMs)
        const goesOn = entries.length > 0 && this.#seen.id !== '' && this.#goesOn(entries)
        yield* goesOn ? this.#replay(link, entries) : this.#catchUp(link)
      }
    } catch (error) {
      failed = !signal.aborted // then it is asked again
      if (failed) throw error
    } finally {
      if (!failed) this.#stop()
    }
  }

  /** Nobody follows any more. */
  #stop(): void {
    for (const resolve of this.#waiting ?? []) resolve()
    this.#waiting = undefined
  }

  /** The log has all that came since. */
  #goesOn(entries: readonly LogEntry[]): boolean {
    let { mark } = this.#seen
    for (const entry of entries) {
      if (entry.prev !== mark) return false
      mark = entry.mark
    }
    return true
  }

  /** Whether this is still the place that was seen, and what came since. */
  async *#catchUp(link: Link): Changes {
    const { place } = this.#ports
    const found = await place.position(link, this.#seen.revision)
    // Where nothing was there to be seen, its own write may have made the place.
    const id = this.#seen.id || place.id
    if (!continues({ ...this.#seen, id }, found)) {
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
      yield* this.#news(await this.#read(link, fields))
    const last = entries.at(-1)
    if (last === undefined) return
    this.#seen = { ...this.#seen, revision: last.revision, mark: last.mark }
    place.reached(this.#seen)
  }

  /**
   * A snapshot, as the difference from what was seen. After a loss, what this node wrote is written again first, and
   * others have time to do the same.
   */
  async *#resync(link: Link, lost: boolean): Changes {
    const { clock, forgetAfterMs, node, place, replica } = this.#ports
    if (lost) await this.#ports.alone(() => this.restore(link))
    const { found, records } = await snapshot(place, link)
    const others = [...records].filter(([, record]) => record.node !== node)
    const older = others.filter(([field, { version }]) => version < replica.version(field))
    const missing = replica.fields().filter((field) => !records.has(field))
    if (lost) {
      const until = clock.now() + forgetAfterMs
      for (const field of [...older.map(([field]) => field), ...missing]) replica.hold(field, until)
    }
    const doubtful = new Set(lost ? older.map(([field]) => field) : [])
    const asked = others.flatMap(([field]) => (doubtful.has(field) ? [] : [field]))
    // Read once more: this node may have written since.
    for (const fields of inPieces([...asked, ...(lost ? [] : missing)]))
      yield* this.#news(await this.#read(link, fields))
    this.#seen = found
    place.reached(found)
  }

  /** What was refused, and what nobody has written again in time. */
  async *#again(link: Link): Changes {
    const { clock, replica } = this.#ports
    const [refused, waiting] = [this.#refused, this.#waiting?.length ?? 0]
    this.#refused = new Set()
    const over = replica.release(clock.now())
    let told = false
    try {
      for (const fields of inPieces([...new Set([...refused, ...over])]))
        yield* this.#news(await this.#read(link, fields), refused)
      told = true
    } finally {
      if (!told) {
        for (const field of refused) this.#refused.add(field)
        for (const field of over) replica.hold(field, clock.now())
      }
    }
    for (const resolve of this.#waiting?.splice(0, waiting) ?? []) resolve()
  }

  /** Where nobody could ever be due, nobody asks. */
  async #sweep(link: Link): Promise<void> {
    const { clock, place, replica } = this.#ports
    if (!replica.hasLeases || clock.now() - this.#sweptAt < blockMs) return
    this.#sweptAt = clock.now()
    try {
      await place.sweep(link)
    } catch (error) {
      // Such as for want of memory: what can be read is still to be told.
      if (!(error instanceof Error && error.name === 'ReplyError')) throw error
    }
  }

  /** As they are now, without what this node has written over before the answer came. */
  async #read(
    link: Link,
    fields: readonly string[],
  ): Promise<readonly (readonly [string, RedisRecord | undefined])[]> {
    const { place, replica } = this.#ports
    const before = fields.map((field) => replica.ownVersion(field))
    const values = await place.values(link, fields)
    return values.filter(([field, record], at) => {
      const own = replica.ownVersion(field)
      return own === before[at] || (record?.version ?? 0) >= own
    })
  }

  *#news(
    values: readonly (readonly [string, RedisRecord | undefined])[],
    anyhow: ReadonlySet<string> = new Set(),
  ): Generator<readonly StoreChange[]> {
    const { node, replica } = this.#ports
    const changes = values.flatMap(([field, record]): StoreChange[] => {
      const epoch = replica.epoch(field)
      const isNews =
        record === undefined
          ? replica.forget(field)
          : record.node !== node && replica.see(field, record)
      const change = isNews || anyhow.has(field) ? toChange(field, record) : undefined
      if (change === undefined) return []
      if (change.section !== 'providers' || record === undefined || record.node === node)
        return [change]
      const isOther = epoch !== '' && record.epoch !== epoch
      // Where something was refused, it has meant another one.
      return [isOther || anyhow.has(field) ? { ...change, anew: true } : change]
    })
    if (changes.length > 0) yield changes
  }
}

/** All that is kept of the provider that a field is about. */
function fieldsBeside(field: string): readonly string[] {
  const key = field.slice(field.indexOf(' '))
  return ofProviders.map((section) => `${section}${key}`)
}

type Records = ReadonlyMap<string, RedisRecord>

/** Whether one position comes after another in the same history. */
function continues(seen: Position, found: Found): boolean {
  if (seen.id === '') return true // nothing was ever seen
  if (found.id !== seen.id || found.revision < seen.revision) return false
  if (found.asked !== '') return found.asked === seen.mark
  return found.run === seen.run // trimmed away: the same Redis has lost nothing
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
    const goesOn = entries[0]?.prev === found.mark && now.id === found.id
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
