// @ts-check
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { attemptsOf } from './stopwatch.js'

/** @typedef {import('openai').OpenAI} OpenAI */

/** Whoever asks waits for the answer, thinks, and asks again. */
export const callers = { count: 12, thinkMs: { least: 180, most: 380 } }
export const readers = { count: 6, thinkMs: { least: 50, most: 250 } }

const questions = [
  'What does a circuit breaker do?',
  'When may a call be repeated elsewhere?',
  'What is the capital of France?',
  'Why are there tides?',
]

export class Tally {
  calls = 0
  answered = 0
  failedOver = 0
  /** @type {unknown[]} */
  failures = []
  /**
   * Milliseconds that switchgear added to calls that their first provider answered.
   * @type {number[]}
   */
  addedMs = []
  /**
   * The same for calls that failed over; what the failed attempts took is part of it.
   * @type {number[]}
   */
  failedOverMs = []
  streams = {
    started: 0,
    whole: 0,
    /** Had another provider when their first text came than the one they began with. */
    failedOver: 0,
    /** Broken after the reader had some of the text. */
    cut: 0,
    /**
     * Failed before their first text.
     * @type {unknown[]}
     */
    failures: [],
  }

  get callsInFlight() {
    return this.calls - this.answered - this.failures.length
  }

  get streamsInFlight() {
    const { started, whole, cut, failures } = this.streams
    return started - whole - cut - failures.length
  }
}

/**
 * Runs all callers and readers until the signal aborts, and what they have in flight to its end.
 *
 * @param {OpenAI} llm
 * @param {string} model
 * @param {Tally} tally
 * @param {AbortSignal} signal
 */
export async function runTraffic(llm, model, tally, signal) {
  setMaxListeners(0, signal) // all of them listen to it
  const request = { model, max_completion_tokens: 64 }
  const lane = (/** @type {typeof callers} */ { count, thinkMs }, /** @type {Work} */ once) =>
    Array.from({ length: count }, () => repeat(() => once(llm, request, tally), thinkMs, signal))
  await Promise.all([...lane(callers, call), ...lane(readers, read)])
}

/** @typedef {{ model: string, max_completion_tokens: number }} Request */
/** @typedef {(llm: OpenAI, request: Request, tally: Tally) => Promise<void>} Work */

/** @type {Work} */
async function call(llm, request, tally) {
  const body = { ...request, messages: ask() }
  tally.calls += 1
  const startedAt = performance.now()
  try {
    const completion = await llm.chat.completions.create(body)
    const tookMs = performance.now() - startedAt
    if (completion.choices.length === 0) throw new Error('an answer without choices')
    tally.answered += 1
    const attempts = attemptsOf(body)
    const winner = attempts.at(-1)
    if (attempts.length > 1) tally.failedOver += 1
    if (winner !== undefined)
      (attempts.length > 1 ? tally.failedOverMs : tally.addedMs).push(
        tookMs - (winner.endedAt - winner.startedAt),
      )
  } catch (error) {
    tally.failures.push(error)
  }
}

/** @type {Work} */
async function read(llm, request, { streams }) {
  const body = /** @type {const} */ ({ ...request, messages: ask(), stream: true })
  let text = ''
  let finished = false
  streams.started += 1
  try {
    for await (const chunk of await llm.chat.completions.create(body)) {
      text += chunk.choices[0]?.delta.content ?? ''
      finished ||= chunk.choices[0]?.finish_reason != null
    }
    if (!finished) throw new Error('a stream without an end')
    streams.whole += 1
  } catch (error) {
    if (text === '') streams.failures.push(error)
    else streams.cut += 1
  }
  if (text !== '' && attemptsOf(body).length > 1) streams.failedOver += 1
}

/** @returns {{ role: 'user', content: string }[]} */
function ask() {
  const question = questions[Math.floor(Math.random() * questions.length)]
  return [{ role: 'user', content: `${question} Answer in one short sentence.` }]
}

/**
 * @param {() => Promise<void>} work
 * @param {{ least: number, most: number }} thinkMs
 * @param {AbortSignal} signal
 */
async function repeat(work, { least, most }, signal) {
  // That the run ends while somebody thinks is no error.
  const think = (/** @type {number} */ ms) => sleep(ms, undefined, { signal }).catch(() => {})
  await think(Math.random() * most)
  while (!signal.aborted) {
    await work()
    await think(least + Math.random() * (most - least))
  }
}
