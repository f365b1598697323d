import { randomUUID } from 'node:crypto'
import { type Clock, isoTime, pause, systemClock } from '../core/clock.js'
import { isSwitchgearError, StoreFailedError } from '../core/errors.js'
import { limit } from '../core/limit.js'
import { parseRedisStoreOptions } from '../model/parse/store-options.js'
import { type Snapshot, sections } from '../model/snapshot.js'
import { encodeChange } from './batch.js'
import { Pace } from './pace.js'
import { openRedis, type RedisClient } from './redis-client.js'
import { type EncodedChange, toFields } from './redis-fields.js'
import { blockMs, Follower } from './redis-follow.js'
import { Link } from './redis-link.js'
import { type FieldChange, type Found, isLost, Place, type Written } from './redis-place.js'
import { type RedisRecord, toChange } from './redis-record.js'
import { Replica } from './redis-replica.js'
import type { Store, StoreChange } from './store.js'

export type { RedisClient } from './redis-client.js'

export interface RedisStoreOptions {
  /** Registries of one namespace share what they know; letters, digits, `.`, `_` and `-`. Default `default`. */
  readonly namespace?: string | undefined
  /** How long Redis may take to connect, and to answer a command, in milliseconds. Default 2,000. */
  readonly timeoutMs?: number | undefined
  /** Groups of changes kept for those who were away; whoever missed more reads all of it anew. Default 10,000. */
  readonly historyLength?: number | undefined
  /**
   * When Redis has lost its data, each registry writes again what it wrote last. What nobody has written again after
   * so many milliseconds is gone. Default 60,000.
   */
  readonly forgetAfterMs?: number | undefined
  readonly clock?: Clock | undefined
}

/**
 * Shares a registry with all others that use the same Redis (6.2 or later) and namespace. `server` is
 * `redis[s]://[user:password@]host[:port][/db]`, or a client of `ioredis`, as for Sentinel and Cluster, which stays
 * yours to close. Needs the package `ioredis`, ^5.4 or ^6. Throws `InvalidOptionsError`; what it gives rejects with
 * `StoreFailedError`, and `MissingPeerError`.
 */
export function redisStore(server: string | RedisClient, options: RedisStoreOptions = {}): Store {
  const parsed = parseRedisStoreOptions({ ...options, server: shown(server) })
  return new RedisStore(server, parsed)
}

class RedisStore implements Store {
  readonly name: string
  readonly endsLeases = true
  readonly #server: string | RedisClient
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** For commands that somebody waits for. */
  readonly #link: Link
  readonly #place: Place
  readonly #replica: Replica
  readonly #alone = limit(1)
  readonly #follower: Follower
  #state: 'new' | 'open' | 'closed' = 'new'

  constructor(server: string | RedisClient, options: RedisStoreOptions) {
    const { namespace = 'default', historyLength = 10_000, forgetAfterMs = 60_000 } = options
    const node = randomUUID()
    this.#server = server
    this.#clock = options.clock ?? systemClock
    this.#timeoutMs = options.timeoutMs ?? 2_000
    this.name = `redis store ${placeName(server)}${namespace}`
    this.#link = this.#connect(false)
    this.#place = new Place({ namespace, node, historyLength })
    const replica = new Replica(node, this.#clock)
    this.#replica = replica
    const place = this.#place
    const alone = this.#alone
    this.#follower = new Follower({
      alone,
      clock: this.#clock,
      node,
      place,
      replica,
      forgetAfterMs,
    })
  }

  async load(): Promise<Snapshot | undefined> {
    if (this.#state !== 'new')
      throw new StoreFailedError(
        this.name,
        `is ${this.#state === 'open' ? 'loaded already' : 'closed'}`,
      )
    const { found, records } = await this.#tell('could not be read', () =>
      this.#follower.begin(this.#link),
    )
    this.#state = 'open'
    if (found.id === '') return undefined
    return toSnapshot(found, records)
  }

  async apply(changes: readonly StoreChange[]): Promise<void> {
    if (this.#state !== 'open')
      throw new StoreFailedError(this.name, 'is not loaded; load() comes first')
    if (changes.length === 0) return
    await this.#tell('could not be written', async () => {
      const encoded = await encode(changes)
      const refused = await this.#alone(() => this.#write(encoded))
      await this.#told(this.#follower.refused(refused))
    })
  }

  /** Gives what was refused. */
  async #write(encoded: readonly EncodedChange[]): Promise<readonly string[]> {
    const { changes, full } = toFields(encoded, this.#replica)
    const { refused, again } = await this.#send(changes)
    const rest = again.flatMap((field) => full.get(field) ?? [])
    if (rest.length === 0) return refused
    const last = await this.#send(rest)
    return [...refused, ...last.refused]
  }

  /** Whoever has written is not to believe in what was refused: until what is so was read, nothing is confirmed. */
  async #told(told: Promise<void>): Promise<void> {
    const clock = this.#clock
    const done = new AbortController()
    const ms = this.#timeoutMs + blockMs
    const late = pause(clock, ms, done.signal).then(() => {
      if (done.signal.aborted) return
      throw new Error(
        `others have registered it anew, and it was not read within ${ms} ms what is so`,
      )
    })
    await Promise.race([told, late]).finally(() => done.abort())
  }

  /** Where the place has lost data, it first gets back what this node wrote. */
  async #send(changes: readonly FieldChange[]): Promise<Written> {
    const savedAt = isoTime(this.#clock.wall())
    const send = (): Promise<Written> => this.#place.write(this.#link, changes, savedAt)
    let written: Written
    try {
      written = await send()
    } catch (error) {
      if (!isLost(error)) throw error
      const meanwhile = new Set(changes.map(({ field }) => field))
      await this.#follower.restore(this.#link, meanwhile)
      written = await send()
    }
    const { revision: version, epochs } = written
    const refused = new Set([...written.refused, ...written.again])
    for (const { field, json, renewedForMs } of changes)
      if (!refused.has(field) && renewedForMs === undefined)
        this.#replica.wrote({ field, version, epoch: epochs.get(field) ?? '0', json })
    return written
  }

  async *watch(
    signal: AbortSignal,
    caughtUp: () => void = () => {},
  ): AsyncGenerator<readonly StoreChange[], void, undefined> {
    if (this.#state !== 'open')
      throw new StoreFailedError(this.name, 'is not loaded; load() comes first')
    const link = this.#connect(true)
    try {
      yield* this.#follower.changes(link, signal, caughtUp)
    } catch (error) {
      throw this.#failure('could not be followed', error)
    } finally {
      link.close()
    }
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    this.#link.close()
  }

  /** Reads that wait for news need a connection of their own, and keep no process alive. */
  #connect(idle: boolean): Link {
    const [server, clock, timeoutMs] = [this.#server, this.#clock, this.#timeoutMs]
    const open = () =>
      typeof server === 'string' ? openRedis(server, timeoutMs) : server.duplicate()
    return new Link({ clock, timeoutMs, open, idle })
  }

  async #tell<T>(what: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw this.#failure(what, error)
    }
  }

  #failure(what: string, error: unknown): Error {
    if (isSwitchgearError(error)) return error
    return new StoreFailedError(this.name, `${what}${adviceFor(error)}`, error)
  }
}

/** Throws for what is no plain JSON. */
async function encode(changes: readonly StoreChange[]): Promise<readonly EncodedChange[]> {
  const pace = new Pace()
  const encoded: EncodedChange[] = []
  for (const change of changes) {
    const one = encodeChange(change)
    encoded.push(change.anew === true ? { ...one, anew: true } : one)
    const pause = pace.entry(one.value?.length ?? 0)
    if (pause !== undefined) await pause
  }
  return encoded
}

/** Without whoever logs in. */
const shown = <T>(server: T | string): T | string =>
  typeof server === 'string' ? server.replace(/^(\w+:\/\/)?.*@/s, '$1***@') : server

function placeName(server: string | RedisClient): string {
  const url = shown(server)
  if (typeof url !== 'string') return ''
  const { host, pathname } = new URL(url)
  return `${host}${pathname.length > 1 ? pathname : ''} `
}

/** Entries in the order in which they first came. Whoever takes them checks each of them. */
async function toSnapshot(
  { savedAt, schema }: Found,
  records: ReadonlyMap<string, RedisRecord>,
): Promise<Snapshot> {
  const pace = new Pace()
  const lists = new Map<string, unknown[]>(sections.map((section) => [section, []]))
  const ordered = [...records].sort(([, a], [, b]) => a.order - b.order)
  for (const [field, record] of ordered) {
    const change = record.json === '' ? undefined : toChange(field, record)
    if (change !== undefined) lists.get(change.section)?.push(change.value)
    const pause = pace.entry(record.json.length)
    if (pause !== undefined) await pause
  }
  return { schemaVersion: schema, savedAt, ...Object.fromEntries(lists) } as Snapshot
}

const advice: Readonly<Record<string, string>> = {
  OOM: ', because Redis has no memory left; raise its maxmemory',
  NOAUTH: ', because Redis wants a password; put it into the URL',
  WRONGPASS: ', because Redis refuses the user or the password',
  NOPERM: ', because the user of Redis may not do that',
  READONLY: ', because this Redis is a replica, and so takes no changes',
  LOADING: ', because Redis is still reading its data',
}

function adviceFor(error: unknown): string {
  const code = error instanceof Error ? /^[A-Z]+/.exec(error.message)?.[0] : undefined
  return code !== undefined && Object.hasOwn(advice, code) ? (advice[code] ?? '') : ''
}
