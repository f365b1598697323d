import type { Source, View } from '../discovery/source.js'
import type { Sighting } from '../model/sighting.js'

/** One promise a source must keep. `run` rejects when it does not. */
export interface SourceConformance {
  readonly name: string
  run(): Promise<void>
}

/**
 * What every source must do, to be run with any test runner: `for (const { name, run } of
 * sourceConformance(() => mySource({ ... }))) it(name, run)`. What it looks at must be there, and stay
 * as it is meanwhile.
 */
export function sourceConformance(
  make: () => Source | Promise<Source>,
): readonly SourceConformance[] {
  const promises: Readonly<Record<string, (source: Source) => Promise<void>>> = {
    'has a name that stays': hasName,
    'yields what it sees without waiting for a change': yieldsAtOnce,
    'gives sightings that can be registered, each name once': givesSightings,
    'ends when the signal aborts': endsOnAbort,
    'ends at once when the signal has aborted before': endsAtOnce,
    'sees the same when it is watched again': seesTheSame,
  }
  return Object.entries(promises).map(([name, run]) => ({
    name,
    run: async () => run(await make()),
  }))
}

async function hasName(source: Source): Promise<void> {
  const { name } = source
  if (typeof name !== 'string' || name.trim() === '') throw new Error('its name is no text')
  await firstView(source)
  if (source.name !== name) throw new Error(`it was named ${name}, and is now ${source.name}`)
}

async function yieldsAtOnce(source: Source): Promise<void> {
  await firstView(source)
}

async function givesSightings(source: Source): Promise<void> {
  // Here and not at the top: schemas take longer to load than everything else in this package's tools.
  const { parseSighting } = await import('../model/parse/sighting.js')
  const seen = new Set<string>()
  for (const sighting of sightingsOf(await firstView(source))) {
    const { record } = parseSighting(sighting, source.name).parsed
    if (seen.has(record.name)) throw new Error(`it gives ${record.name} twice in one view`)
    seen.add(record.name)
  }
}

async function endsOnAbort(source: Source): Promise<void> {
  const stop = new AbortController()
  const views = source.watch(stop.signal)[Symbol.asyncIterator]()
  await views.next()
  const next = views.next()
  stop.abort()
  try {
    const { done } = await next
    if (done !== true) throw new Error('it yielded after its signal had aborted')
  } catch (error) {
    if (error !== stop.signal.reason) throw error
  }
}

async function endsAtOnce(source: Source): Promise<void> {
  const signal = AbortSignal.abort()
  try {
    for await (const _ of source.watch(signal)) return // one view that was under way does no harm
  } catch (error) {
    if (error !== signal.reason) throw error
  }
}

async function seesTheSame(source: Source): Promise<void> {
  const namesOf = async (): Promise<string> =>
    JSON.stringify(
      sightingsOf(await firstView(source))
        .map(({ name }) => name)
        .sort(),
    )
  const first = await namesOf()
  const second = await namesOf()
  if (first !== second) throw new Error(`it saw ${first} first, and then ${second}`)
}

async function firstView(source: Source): Promise<View> {
  const stop = new AbortController()
  const views = source.watch(stop.signal)[Symbol.asyncIterator]()
  const { value, done } = await views.next()
  stop.abort()
  void views.return?.()?.then(undefined, () => {})
  if (done === true) throw new Error('it ended without a view')
  return value
}

function sightingsOf(view: View): readonly Sighting[] {
  if (isList(view)) return view
  if (!Array.isArray(view?.sightings))
    throw new Error('a view is a list of sightings, or { sightings, authoritative? }')
  return view.sightings
}

const isList = (view: View): view is readonly Sighting[] => Array.isArray(view)
