import type { HttpFailure } from '../../core/errors.js'
import { field, nameOf } from '../../core/foreign.js'
import { isGood } from '../fingerprints/read.js'
import { agreed } from './agreed.js'
import type { Asking, Step } from './asking.js'
import type { Description, Fingerprint, Recognition } from './fingerprint.js'
import { Questions, type QuestionsOptions } from './questions.js'

/** What an address turned out to be. */
export type Inspection = { readonly steps: readonly Step[] } & (
  | {
      readonly fingerprint: Fingerprint
      readonly recognition: Recognition
      readonly description: Description
      readonly weak: boolean
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
 * none does, so does one whose agreed path is answered. Never rejects.
 */
export async function inspect(origin: string, options: InspectOptions): Promise<Inspection> {
  const asking = new Questions(origin, options)
  for (const fingerprint of options.fingerprints) {
    const recognition = await recognise(fingerprint, asking)
    if (recognition !== undefined)
      return detail(asking, { fingerprint, recognition, weak: false }, options)
    if (asking.end !== undefined) return unknown(asking)
  }
  for (const fingerprint of options.fingerprints) {
    if (!options.kinds.has(fingerprint.kind)) continue
    const found = await agreed(fingerprint, asking)
    if (found !== undefined) return { fingerprint, ...found, weak: true, steps: asking.steps }
  }
  return unknown(asking)
}

async function recognise(
  fingerprint: Fingerprint,
  asking: Asking,
): Promise<Recognition | undefined> {
  try {
    return await fingerprint.recognise(asking)
  } catch {
    return undefined // an answer that trips it up is not its program's
  }
}

/** The key goes out only now that it is known to whom. */
async function detail(
  recognised: Questions,
  found: { fingerprint: Fingerprint; recognition: Recognition; weak: boolean },
  options: InspectOptions,
): Promise<Inspection> {
  const { fingerprint, recognition } = found
  const { steps } = recognised
  const key = options.keyOf(fingerprint.kind)
  if (recognition.needsCredentials === true && key === undefined)
    return { ...found, description: {}, steps }
  const asking = new Questions(recognised.origin, { ...options, key })
  const description = await fingerprint.describe(asking).catch((): Description => ({}))
  return { ...found, description, steps: [...steps, ...asking.steps] }
}

async function unknown(asking: Questions): Promise<Inspection> {
  const { end } = asking
  if (end !== undefined) {
    const why = end.message.replace(`${end.url} `, '')
    const silent = end.kind === 'timeout' || end.kind === 'aborted'
    return { why, silent, failure: end.kind, steps: asking.steps }
  }
  const hint = await hintOf(asking)
  const is = 'answers, and is none of the programs that are known'
  const why = hint === undefined ? is : `${is} (${hint})`
  return { why, silent: false, failure: undefined, steps: asking.steps }
}

/** What it calls itself, for people to go on from. */
async function hintOf(asking: Asking): Promise<string | undefined> {
  const api = await asking.get('/openapi.json')
  const title = isGood(api.status) ? nameOf(field(api.json, 'info', 'title'), 100) : undefined
  if (title !== undefined) return `its API is titled "${title}"`
  const page = await asking.get('/')
  const heading = /<title[^>]*>([^<]{1,100})<\/title>/i.exec(page.text.slice(0, 65_536))?.[1]
  const name = nameOf(heading?.replaceAll(/\s+/g, ' '))
  if (name !== undefined) return `its page is titled "${name}"`
  const server = nameOf(page.headers.server, 100)
  return server === undefined ? undefined : `Server: ${server}`
}
