import { systemClock } from '../../core/clock.js'
import { field, isObject, nameOf, namesOf } from '../../core/foreign.js'
import { fetchAnswer, type HttpAnswer } from '../../core/http.js'
import type { Health } from '../../model/health.js'
import type { Sighting } from '../../model/sighting.js'
import type { Source } from '../source.js'
import {
  accepted,
  type HttpRegistryOptions,
  misread,
  paced,
  requestOptions,
  urlIssue,
  withoutSlash,
} from './http-registry.js'
import {
  type LookUpOptions,
  listOf,
  positiveIssue,
  refuseIssues,
  targetsOf,
  textsOf,
  toSightings,
  unique,
} from './look-up.js'
import { quietly } from './quietly.js'
import { type Part, together } from './together.js'

export interface ConsulOptions extends LookUpOptions, HttpRegistryOptions {
  /** Default `http://127.0.0.1:8500`. */
  readonly url?: string | undefined
  /** A service that has the same name there and here. Give this or `services`. */
  readonly service?: string | undefined
  /** Services by their names in Consul, and what they are providers of here. */
  readonly services?: Readonly<Record<string, string>> | undefined
  /** With `service:read` and `node:read`. Default: the environment's `CONSUL_HTTP_TOKEN`. */
  readonly token?: string | undefined
  /** Default: that of the agent. */
  readonly datacenter?: string | undefined
  /** In Consul's own language, such as `"gpu" in Service.Tags`. */
  readonly filter?: string | undefined
  /** Leave out what fails a check, or warns. Default false: it is there, `unhealthy` or `degraded`. */
  readonly passing?: boolean | undefined
}

/**
 * Providers from Consul's health API. Each change is seen at once, by blocking queries.
 *
 * Throws `InvalidOptionsError`. Source: developer.hashicorp.com/consul/api-docs/features/blocking
 */
export function consul(options: ConsulOptions): Source {
  const { url = 'http://127.0.0.1:8500', waitMs = 60_000, timeoutMs = 10_000 } = options
  refuseIssues('consul', [
    urlIssue(url, 'http://127.0.0.1:8500'),
    positiveIssue('waitMs', waitMs),
    positiveIssue('timeoutMs', timeoutMs),
  ])
  const targets = targetsOf('consul', options)
  return {
    name: options.name ?? `consul:${[...targets.keys()].join(',')}`,
    watch: (signal) =>
      quietly(
        signal,
        together(signal, (stop) =>
          [...targets].map(([there, service]) =>
            follow({ ...options, url, waitMs, timeoutMs, there, service }, stop),
          ),
        ),
      ),
  }
}

type Question = ConsulOptions & {
  readonly url: string
  readonly waitMs: number
  readonly timeoutMs: number
  /** The name of the service in Consul. */
  readonly there: string
  readonly service: string
}

async function* follow(question: Question, signal: AbortSignal): AsyncGenerator<Part> {
  const { clock = systemClock } = question
  let index = 0n
  while (!signal.aborted) {
    const asked = clock.now()
    const answer = await ask(question, index, signal)
    const told = indexOf(answer)
    // The servers were restored from a backup, or lost their memory: what they know may come back.
    const hasTurnedBack = told < index
    yield {
      sightings: sightingsOf(answer, question),
      authoritative: answer.headers['x-consul-knownleader'] === 'true' && !hasTurnedBack,
    }
    index = hasTurnedBack ? 0n : told
    await paced(clock, asked, signal)
  }
}

async function ask(question: Question, index: bigint, signal: AbortSignal): Promise<HttpAnswer> {
  const { there, waitMs, timeoutMs, token = process.env.CONSUL_HTTP_TOKEN } = question
  const url = urlOf(question, index)
  // Consul adds up to a sixteenth to the wait, so that not all who wait ask again at once.
  const isWait = index > 0n
  const answer = await fetchAnswer(url, {
    ...requestOptions(question, signal, question.clock ?? systemClock),
    timeoutMs: isWait ? waitMs + waitMs / 16 + timeoutMs : timeoutMs,
    use: isWait ? 'wait' : 'question',
    ...(token !== undefined && token !== '' && { headers: { 'x-consul-token': token } }),
  })
  accepted(answer, url, hints)
  // Without the right to read, Consul answers an empty list as if nothing were there.
  const isFiltered = answer.headers['x-consul-results-filtered-by-acls'] === 'true'
  if (isFiltered && answer.text.trim() === '[]')
    throw new Error(`Consul hides ${there} from this token: it needs service:read and node:read`)
  return answer
}

const hints: Readonly<Record<number, string>> = {
  401: 'the token was refused',
  403: 'the token was refused; it needs service:read and node:read',
  500: 'Consul has no leader, or failed; it is asked again',
}

function urlOf(question: Question, index: bigint): string {
  const { url, there, datacenter, filter, passing, waitMs } = question
  const query = new URLSearchParams({
    ...(datacenter !== undefined && { dc: datacenter }),
    ...(filter !== undefined && { filter }),
    ...(passing === true && { passing: 'true' }),
    ...(index > 0n && { index: String(index), wait: `${Math.ceil(waitMs)}ms` }),
  })
  return `${withoutSlash(url)}/v1/health/service/${encodeURIComponent(there)}?${query}`
}

/** An index of 0, or none, would be answered at once over and over: 1 waits. */
function indexOf({ headers }: HttpAnswer): bigint {
  const text = headers['x-consul-index'] ?? ''
  const index = /^\d{1,20}$/.test(text) ? BigInt(text) : 0n
  return index > 0n ? index : 1n
}

function sightingsOf(answer: HttpAnswer, question: Question): readonly Sighting[] {
  const entries = answer.json()
  if (!Array.isArray(entries))
    throw misread(urlOf(question, 0n), 'a list of service instances; check that it is Consul')
  return unique(entries.flatMap((entry: unknown) => sightingOf(entry, question)))
}

function sightingOf(entry: unknown, question: Question): readonly Sighting[] {
  const own = nameOf(field(entry, 'Service', 'Address'))
  const host = own ?? nameOf(field(entry, 'Node', 'Address'))
  if (host === undefined) return []
  const port = field(entry, 'Service', 'Port')
  const { capabilities, version, ...meta } = textsOf(field(entry, 'Service', 'Meta'))
  const health = healthOf(field(entry, 'Checks'))
  const found = {
    service: question.service,
    host,
    port: typeof port === 'number' ? port : undefined,
    capabilities: listOf(capabilities),
    version,
    health,
    weight: weightOf(field(entry, 'Service', 'Weights'), health),
    metadata: { ...meta, ...placeOf(entry) },
  }
  return toSightings(found, question)
}

function placeOf(entry: unknown): Readonly<Record<string, unknown>> {
  const node = nameOf(field(entry, 'Node', 'Node'))
  const datacenter = nameOf(field(entry, 'Node', 'Datacenter'))
  const tags = namesOf(field(entry, 'Service', 'Tags'), 64) ?? []
  return {
    ...(node !== undefined && { node }),
    ...(datacenter !== undefined && { datacenter }),
    ...(tags.length > 0 && { tags }),
  }
}

/** The worst of its checks, those of its node included. */
function healthOf(checks: unknown): Health | undefined {
  const statuses = Array.isArray(checks)
    ? checks.filter(isObject).map((check) => field(check, 'Status'))
    : []
  if (statuses.includes('critical')) return 'unhealthy'
  if (statuses.includes('warning')) return 'degraded'
  return statuses.includes('passing') ? 'healthy' : undefined
}

function weightOf(weights: unknown, health: Health | undefined): number | undefined {
  const weight = field(weights, health === 'degraded' ? 'Warning' : 'Passing')
  return typeof weight === 'number' && weight >= 0 ? weight : undefined
}
