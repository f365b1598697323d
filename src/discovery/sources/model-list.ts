import type { AddressPolicy } from '../../core/address.js'
import { systemClock } from '../../core/clock.js'
import { InvalidOptionsError } from '../../core/errors.js'
import { fetchAnswer } from '../../core/http.js'
import type { ModelInput } from '../../model/llm-model.js'
import type { Sighting } from '../../model/sighting.js'
import { connectOpenAI } from '../connect/openai.js'
import { capabilitiesOf, idsOf } from '../fingerprints/served.js'
import type { Source } from '../source.js'
import { accepted, misread } from './http-registry.js'
import { type ModelServerOptions, polled } from './served-at.js'

/** Somebody's list of models, and how to read it. */
export interface ModelList {
  /** Whose models these are; part of the provider's name. */
  readonly provider: string
  /** Where a client of OpenAI's protocol begins, without a slash at its end. */
  readonly base: string
  /** The first page. */
  readonly list: string
  readonly headers: Readonly<Record<string, string>>
  /** Throws when the body is no such list. */
  read(body: unknown): readonly ModelInput[]
  /** The query of the next page; `undefined` after the last. */
  next?(body: unknown): Readonly<Record<string, string>> | undefined
}

/** No house has more; a list whose pages go round in a circle ends here. */
const mostPages = 50
const mostModels = 10_000

const hints: Readonly<Record<number, string>> = {
  400: 'check the key',
  401: 'check the key',
  403: 'check the key, and what it may do',
  404: 'check the address: its list of models is not there',
  429: 'it is asked too often, or the key has used up what it may',
}

/** One provider, with all models of a list. */
export function modelListSource(
  from: ModelList,
  options: Omit<ModelServerOptions, 'url'>,
  policy: AddressPolicy,
): Source {
  const { host, origin, pathname } = new URL(from.base)
  const { group, handler, key, service = 'llm', strategy } = options
  const fixed = {
    name: `${from.provider}@${host}`,
    service,
    handler,
    group,
    strategy,
    address: origin,
    metadata: { kind: from.provider, protocol: 'openai', basePath: pathname },
    connect: connectOpenAI<object>({ apiKey: key, policy }),
  } satisfies Sighting
  return polled(options.name ?? `${from.provider}:${host}`, options, async (signal) => {
    const models = await allPages(from, options, policy, signal)
    const seen: Sighting = {
      ...fixed,
      capabilities: capabilitiesOf(models),
      models: idsOf(models),
      catalogue: models,
      health: 'healthy',
    }
    return [seen]
  })
}

async function allPages(
  from: ModelList,
  { clock = systemClock, timeoutMs = 10_000 }: Omit<ModelServerOptions, 'url'>,
  policy: AddressPolicy,
  signal: AbortSignal,
): Promise<readonly ModelInput[]> {
  const models: ModelInput[] = []
  let url: string | undefined = from.list
  for (let page = 0; url !== undefined && page < mostPages; page += 1) {
    const { headers } = from
    const answer = await fetchAnswer(url, { headers, policy, clock, signal, timeoutMs })
    const body = accepted(answer, url, hints).json()
    models.push(...read(from, url, body))
    url = models.length < mostModels ? nextUrl(from, body) : undefined
  }
  return models.slice(0, mostModels)
}

function read(from: ModelList, url: string, body: unknown): readonly ModelInput[] {
  try {
    return from.read(body)
  } catch {
    throw misread(url, 'a list of models')
  }
}

function nextUrl({ list, next }: ModelList, body: unknown): string | undefined {
  const query = next?.(body)
  if (query === undefined) return undefined
  const url = new URL(list)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url.href
}

/** A key that can be sent. What is wrong with it is told without showing it. Throws `InvalidOptionsError`. */
export function checkedKey(source: string, key: unknown, environment: readonly string[]): string {
  if (typeof key === 'string' && /^[\x21-\x7E]+$/.test(key)) return key
  const where = environment.map((name) => `, or ${name} in the environment`).join('')
  const message = `expected a token of letters, digits and signs${where}`
  throw new InvalidOptionsError([{ field: 'key', message }], source)
}
