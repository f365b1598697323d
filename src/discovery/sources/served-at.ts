import { pause, systemClock } from '../../core/clock.js'
import { HttpError } from '../../core/errors.js'
import type { Sighting } from '../../model/sighting.js'
import type { StrategyChoice } from '../../model/strategy.js'
import { connectBackend } from '../connect/backend.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { toFound } from '../scan/found.js'
import { recheck } from '../scan/recheck.js'
import { sightingOf } from '../scan/sighting.js'
import type { Source, View } from '../source.js'
import { missing, type Place, type ProgramOptions, placesOf, questionsTo } from './program-at.js'
import { quietly } from './quietly.js'

/** What is the same for all sources that ask a server of language models for its list. */
export interface ModelServerOptions extends ProgramOptions {
  /** Where the program is, such as `http://127.0.0.1:4000`. */
  readonly url: string
  /** What it is a provider of. Default `llm`. */
  readonly service?: string | undefined
  /** Of its group. */
  readonly strategy?: StrategyChoice | undefined
  /** Between two lists, in milliseconds; how it is doing is asked for more often. Default 300,000. */
  readonly everyMs?: number | undefined
}

const everyFiveMinutes = 300_000

/** Views without an end, with a pause after each. */
export function polled(
  name: string,
  { clock = systemClock, everyMs = everyFiveMinutes }: Pick<ProgramOptions, 'clock' | 'everyMs'>,
  look: (signal: AbortSignal) => Promise<View>,
): Source {
  async function* watch(signal: AbortSignal): AsyncGenerator<View> {
    while (!signal.aborted) {
      yield await look(signal)
      await pause(clock, everyMs, signal)
    }
  }
  return { name, watch: (signal) => quietly(signal, watch(signal)) }
}

/**
 * One program of a kind that is known, as one provider: as the scan would find it, but it has to be there, to be that
 * program, and to take the key.
 */
export function servedAt(fingerprint: Fingerprint, options: ModelServerOptions): Source {
  const { kind } = fingerprint
  const [place] = placesOf(kind, options, { url: options.url })
  const { handler, group, key, policy, service, strategy } = options
  const fixed = {
    handler,
    group,
    strategy,
    connect: connectBackend({ policy, keys: { [kind]: key } }),
    probe: recheck(fingerprint, { weak: false, needsCredentials: false, key, policy }),
  }
  return polled(options.name ?? `${kind}:${place.name}`, options, async (signal) => {
    const sighting = await look(fingerprint, place, options, signal)
    return [{ ...sighting, service: service ?? sighting.service, ...fixed }]
  })
}

async function look(
  fingerprint: Fingerprint,
  place: Place,
  options: ModelServerOptions,
  signal: AbortSignal,
): Promise<Sighting> {
  const { origin } = place
  const { title } = fingerprint
  // The key goes out only once it is known to whom.
  const asking = questionsTo(place, { ...options, key: undefined }, signal)
  const recognition = await fingerprint.recognise(asking)
  if (recognition === undefined) throw missing(asking, place, title)
  const knowing = questionsTo(place, options, signal)
  const description = await fingerprint.describe(knowing)
  const found = toFound(origin, { fingerprint, recognition, description, weak: false }, options.key)
  if (found.needsCredentials) {
    const what = options.key === undefined ? 'wants a key: give one' : 'does not take the key'
    throw new HttpError('status', origin, what, { status: 401 })
  }
  if (description.models === undefined && recognition.health === undefined)
    throw missing(knowing, place, `${title} that gives its list of models`)
  return sightingOf(found)
}
