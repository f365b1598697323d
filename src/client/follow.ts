import { pause } from '../core/clock.js'
import type { Api } from './api.js'
import { type News, newsOf } from './news.js'
import { serverEvents } from './server-events.js'
import type { Position } from './transport.js'

/** How often a registry is asked that has a list but no events. */
const pollMs = 30_000

/**
 * Everything a registry has, and then what becomes of it, for as long as one connection lasts. What happened between
 * two connections is in the list, which is taken again with each. Ends when the stream does; throws only when not
 * even the list was to be had.
 */
export async function* follow(
  api: Api,
  position: Position,
  signal: AbortSignal,
): AsyncGenerator<News, void, undefined> {
  const list = async (): Promise<News> => ({
    type: 'all',
    records: await api.list({ signal, background: true }),
  })
  const lines = api.events('/api/events', { after: position.lastId, signal })
  let listed = false
  try {
    for await (const event of serverEvents(lines)) {
      const news = newsOf(event)
      // Only now: what happens from here on is told, so nothing falls between the list and the events.
      if (!listed || news === 'look') yield await list()
      else if (news !== undefined) yield news
      listed = true
      position.lastId = event.id ?? position.lastId
    }
  } catch {
    // Lost or never there. Whoever follows comes back.
  }
  if (listed || signal.aborted) return
  yield await list()
  await pause(api.access.clock, pollMs, signal)
}
