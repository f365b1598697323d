import { serverEvents } from '../../client/server-events.js'
import { backoffMs } from '../../core/backoff.js'
import type { Clock } from '../../core/clock.js'
import { field } from '../../core/foreign.js'
import { systemRandom } from '../../core/random.js'
import { entryOf, type RemoteEntry, readEntry } from './entry.js'
import { holding } from './holding.js'
import type { Remote } from './remote.js'

/** What a registry tells of what it has. */
export type News =
  | { readonly type: 'all'; readonly entries: readonly RemoteEntry[] }
  | { readonly type: 'entry'; readonly entry: RemoteEntry }
  | { readonly type: 'gone'; readonly id: string }

export interface NewsListener {
  /** The registry does not answer, and is tried again; told once until it is back. */
  lost(error: unknown): void
  back(): void
}

/** What is needed of a registry to follow it. */
type Followed = Pick<Remote, 'snapshot' | 'changeLines' | 'client'> & {
  readonly access: { readonly clock: Clock }
}

const retry = { firstMs: 1_000, maxMs: 30_000 }

/**
 * Everything there is, and then what becomes of it, until the signal aborts. After each loss everything is told again.
 * Throws only when there was no answer at the beginning.
 */
export async function* newsFrom(
  remote: Followed,
  signal: AbortSignal,
  listener: NewsListener,
): AsyncGenerator<News, void, undefined> {
  const { clock } = remote.access
  let isFirst = true
  let failures = 0
  while (!signal.aborted) {
    try {
      const { entries, position } = await remote.snapshot()
      if (failures > 0) listener.back()
      failures = 0
      isFirst = false
      yield { type: 'all', entries }
      yield* position === undefined ? watched(remote, signal) : changes(remote, position, signal)
    } catch (error) {
      if (signal.aborted) return
      if (isFirst) throw error
      if (failures === 0) listener.lost(error)
      failures += 1
    }
    const waitMs = backoffMs(Math.max(1, failures), retry, systemRandom)
    await clock.sleep(waitMs, signal).catch(() => {}) // the signal has the word
  }
}

/** Ends when the stream does, and when the list has to be read again. */
async function* changes(
  remote: Followed,
  position: string,
  signal: AbortSignal,
): AsyncGenerator<News, void, undefined> {
  try {
    for await (const { data } of serverEvents(remote.changeLines(position, signal))) {
      const news = newsOf(parsed(data))
      if (news === 'look') return
      if (news !== undefined) yield news
    }
  } catch {
    // Lost. Whether the registry is there at all is found out by reading its list.
  }
}

function newsOf(change: unknown): News | 'look' | undefined {
  const type = field(change, 'type')
  if (type === 'connected' || type === 'invoked') return undefined
  const entry = readEntry(field(change, 'entry'))
  if (entry === undefined) return 'look'
  return type === 'deregistered' ? { type: 'gone', id: entry.id } : { type: 'entry', entry }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // what it means is then not known
  }
}

/** Of a registry without native routes: the client keeps track by itself, and comes back by itself. */
async function* watched(
  { access, client }: Followed,
  signal: AbortSignal,
): AsyncGenerator<News, void, undefined> {
  const done = new AbortController()
  void holding(access.clock, AbortSignal.any([signal, done.signal])) // the client alone would let the process end
  try {
    // What it keeps track of may have changed since the list was read.
    const known = ['active', 'inactive'].map((status) =>
      client.discoverAgents({ filters: { status } }, { signal }),
    )
    yield { type: 'all', entries: (await Promise.all(known)).flat().map(entryOf) }
    for await (const { type, record } of client.watch(signal))
      yield type === 'removed'
        ? { type: 'gone', id: record.id }
        : { type: 'entry', entry: entryOf(record) }
  } finally {
    done.abort()
  }
}
