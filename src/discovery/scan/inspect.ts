import type { HttpError, HttpFailure } from '../../core/errors.js'
import { field, isObject, nameOf } from '../../core/foreign.js'
import { isGood } from '../fingerprints/read.js'
import { agreed } from './agreed.js'
import type { Asking, Step } from './asking.js'
import type { Description, Fingerprint, Recognition } from './fingerprint.js'
import { inTime, late } from './in-time.js'
import { Questions, type QuestionsOptions } from './questions.js'

/** What an address turned out to be. */
export type Inspection = { readonly steps: readonly Step[] } & (
  | {
      readonly fingerprint: Fingerprint
      readonly recognition: Recognition
      readonly description: Description
      readonly weak: boolean
      /** There was no time for all that it has to say. */
      readonly partial?: boolean
    }
  | {
      readonly fingerprint?: undefined
      readonly why: string
      readonly silent: boolean
      /** What ended the asking; `undefined` when it answered. */
      readonly failure: HttpFailure | undefined
    }
)

export interface InspectOptions extends QuestionsOptions {
  readonly fingerprints: readonly Fingerprint[]
  /** Kinds whose port this is: only for these does an agreed path count. */
  readonly kinds: ReadonlySet<string>
  readonly keyOf: (kind: string) => string | undefined
}

/**
 * Finds out what listens at an address. The fingerprints are tried in order and the first that recognises it wins; if
 * none does, so does one whose agreed path is answered. Never rejects, and ends soon after its time is over, whatever
 * the fingerprints do.
 */
export async function inspect(origin: string, options: InspectOptions): Promise<Inspection> {
  const asking = new Questions(origin, options)
  const found = await inTime(recognised(asking, options), options)
  if (found === late) return { ...tooLate(options), steps: asking.steps }
  if (found === undefined) return unknown(asking)
  return found.weak ? { ...found, steps: asking.steps } : detail(asking, found, options)
}

type Recognised = Omit<Extract<Inspection, { readonly weak: boolean }>, 'steps'>

async function recognised(
  asking: Questions,
  { fingerprints, kinds }: InspectOptions,
): Promise<Recognised | undefined> {
  for (const fingerprint of fingerprints) {
    const recognition = await tried(() => fingerprint.recognise(asking))
    if (recognition !== undefined) return { fingerprint, recognition, description: {}, weak: false }
    if (asking.end !== undefined) return undefined
  }
  for (const fingerprint of fingerprints) {
    if (!kinds.has(fingerprint.kind)) continue
    const found = await tried(() => agreed(fingerprint, asking))
    if (found !== undefined) return { fingerprint, ...found, weak: true }
  }
  return undefined
}

/** An answer that trips it up is not its program's. */
async function tried<T extends object>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    const seen = await look()
    return isObject(seen) ? seen : undefined
  } catch {
    return undefined
  }
}

/** The key goes out only now that it is known to whom. */
async function detail(
  recognised: Questions,
  found: Recognised,
  options: InspectOptions,
): Promise<Inspection> {
  const { fingerprint, recognition } = found
  const { steps } = recognised
  const key = options.keyOf(fingerprint.kind)
  if (recognition.needsCredentials === true && key === undefined) return { ...found, steps }
  const asking = new Questions(recognised.origin, { ...options, key })
  const told = await inTime(describe(fingerprint, asking), options)
  const partial = told === late || (asking.end !== undefined && isSilence(asking.end))
  return {
    ...found,
    description: told === late ? {} : told,
    ...(partial && { partial }),
    steps: [...steps, ...asking.steps],
  }
}

async function describe(fingerprint: Fingerprint, asking: Asking): Promise<Description> {
  try {
    const description = await fingerprint.describe(asking)
    return isDescription(description) ? description : {}
  } catch {
    return {}
  }
}

/** Fingerprints may be anybody's: what is read of theirs here is looked at, the rest where it is registered. */
function isDescription(said: unknown): boolean {
  if (!isObject(said)) return false
  const { models = [], capabilities = [] } = said
  return (
    isListOf(models, (one) => typeof field(one, 'id') === 'string') &&
    isListOf(capabilities, (one) => typeof (field(one, 'name') ?? one) === 'string')
  )
}

const isListOf = (list: unknown, is: (one: unknown) => boolean): boolean =>
  Array.isArray(list) && list.every(is)

const tooLate = ({ timeoutMs }: InspectOptions) => ({
  why: `could not be told apart within ${timeoutMs} ms`,
  silent: true,
  failure: 'timeout' as const,
})

async function unknown(asking: Questions): Promise<Inspection> {
  const { end } = asking
  if (end !== undefined) {
    const why = end.message.replace(`${end.url} `, '')
    return { why, silent: isSilence(end), failure: end.kind, steps: asking.steps }
  }
  const hint = await hintOf(asking)
  const is = 'answers, and is none of the programs that are known'
  const why = hint === undefined ? is : `${is} (${hint})`
  return { why, silent: false, failure: undefined, steps: asking.steps }
}

const isSilence = ({ kind }: HttpError): boolean => kind === 'timeout' || kind === 'aborted'

/** What it calls itself, for people to go on from. */
async function hintOf(asking: Asking): Promise<string | undefined> {
  const api = await asking.get('/openapi.json')
  const title = isGood(api.status) ? nameOf(field(api.json, 'info', 'title'), 100) : undefined
  if (title !== undefined) return `its API is titled "${title}"`
  const page = await asking.get('/')
  const heading = /<title[^>]{0,200}>([^<]{1,100})<\/title>/i.exec(page.text.slice(0, 65_536))?.[1]
  const name = nameOf(heading?.replaceAll(/\s+/g, ' '))
  if (name !== undefined) return `its page is titled "${name}"`
  const server = nameOf(page.headers.server, 100)
  return server === undefined ? undefined : `Server: ${server}`
}
