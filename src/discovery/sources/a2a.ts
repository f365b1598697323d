import { pause, systemClock } from '../../core/clock.js'
import { InvalidOptionsError } from '../../core/errors.js'
import type { Probe } from '../../model/provider.js'
import type { Sighting } from '../../model/sighting.js'
import { connectA2A } from '../connect/a2a.js'
import { type AgentCard, cardPaths, readCard } from '../fingerprints/a2a-card.js'
import { goodObject } from '../fingerprints/read.js'
import type { Source } from '../source.js'
import {
  headersWith,
  missing,
  type Place,
  type ProgramOptions,
  placesOf,
  questionsTo,
} from './program-at.js'

export interface A2AOptions extends ProgramOptions {
  /** Of the agent, or of its card. Give this or `urls`. */
  readonly url?: string | undefined
  readonly urls?: readonly string[] | undefined
  /** What the agents are providers of. Default `agent`. */
  readonly service?: string | undefined
}

/**
 * A2A agents by their cards, each one provider, `a2a@<host>:<port>`. They can do what the output of their skills is;
 * the skills are in `metadata.skills`. A card that has not changed is not sent again. An agent that was seen and does
 * not answer is `unhealthy`; the source fails when none answers.
 *
 * Throws `InvalidOptionsError`.
 */
export function a2a(options: A2AOptions): Source {
  const places = placesIn(options)
  const { clock = systemClock, everyMs = 30_000 } = options
  const toSighting = sightings(options)
  return {
    name: options.name ?? `a2a:${places.map(({ name }) => name).join(',')}`,
    async *watch(signal) {
      const agents = places.map((place) => ({ place, known: undefined as Known | undefined }))
      while (!signal.aborted) {
        const looks = await Promise.allSettled(
          agents.map(async (agent) => {
            agent.known = await look(agent.place, agent.known, options, signal)
          }),
        )
        if (signal.aborted) return
        const failed = looks.map(({ status }) => status === 'rejected')
        for (const result of looks)
          if (result.status === 'rejected' && failed.every(Boolean)) throw result.reason
        yield agents.flatMap(({ place, known }, at) =>
          known === undefined ? [] : toSighting(place, known.card, failed[at] !== true),
        )
        await pause(clock, everyMs, signal)
      }
    },
  }
}

function placesIn(options: A2AOptions): readonly Place[] {
  const { url, urls } = options
  if ((url === undefined) === (urls === undefined) || urls?.length === 0) {
    const message = 'expected either url, or urls with at least one'
    throw new InvalidOptionsError([{ field: 'url', message }], 'a2a')
  }
  const given = urls?.map((one, at) => [`urls[${at}]`, one] as const) ?? [['url', url]]
  return placesOf('a2a', options, Object.fromEntries(given))
}

/** The card that an agent has shown. */
interface Known {
  readonly card: AgentCard
  readonly path: string
  readonly tag: string | undefined
}

/** The card, and nothing but that it is still the same where the server can tell. */
async function look(
  place: Place,
  known: Known | undefined,
  options: A2AOptions,
  signal: AbortSignal,
): Promise<Known> {
  const asking = questionsTo(place, options, signal)
  for (const path of known === undefined ? pathsOf(place) : [known.path, ...pathsOf(place)]) {
    const isKnown = known !== undefined && known.path === path
    const tag = isKnown ? known.tag : undefined
    const reply = await (tag === undefined
      ? asking.get(path)
      : asking.get(path, { 'if-none-match': tag }))
    if (reply.status === 304 && isKnown) return known
    const card = readCard(goodObject(reply))
    if (card !== undefined) return { card, path, tag: reply.headers.etag }
  }
  throw missing(asking, place, 'A2A agent')
}

const pathsOf = ({ path }: Place): readonly string[] =>
  path.endsWith('.json') ? [path] : cardPaths.map((usual) => `${path}${usual}`)

/** One connector and one probe for each agent, so that a provider keeps its own from view to view. */
function sightings(options: A2AOptions) {
  const { group, handler, key, policy, service = 'agent' } = options
  const connect = connectA2A({ headers: headersWith(key), policy })
  const probes = new Map<string, Probe>()
  const probeOf = (place: Place): Probe => {
    const probe = probes.get(place.name) ?? probeAt(place, options)
    probes.set(place.name, probe)
    return probe
  }
  return (place: Place, { description }: AgentCard, answers: boolean): Sighting => {
    const { apiVersion, capabilities, metadata, version } = description
    return {
      name: `a2a@${place.name}`,
      service,
      handler,
      group,
      address: `${place.origin}${place.path}`,
      version,
      apiVersion,
      capabilities,
      metadata: { ...metadata, kind: 'a2a', protocol: 'a2a' },
      health: answers ? 'healthy' : 'unhealthy',
      connect,
      probe: probeOf(place),
    }
  }
}

const probeAt = (place: Place, options: A2AOptions): Probe =>
  Object.freeze({
    name: 'a2a',
    async check(_: unknown, signal: AbortSignal) {
      const { card } = await look(place, undefined, options, signal)
      return { status: 'healthy', version: card.description.version } as const
    },
  })
