// @ts-check

/** @typedef {{ startedAt: number, endedAt: number }} Attempt */

/**
 * The attempts each request took. A request is known by its body, which is the same object on
 * whichever provider it is tried.
 *
 * @type {WeakMap<object, Attempt[]>}
 */
const attempts = new WeakMap()

/** @param {object} body */
export const attemptsOf = (body) => attempts.get(body) ?? []

/**
 * Takes the time of each chat request at the client itself, inside everything that switchgear does.
 *
 * @template {import('openai').OpenAI} C
 * @param {C} client
 */
export function timed(client) {
  const { completions } = client.chat
  const create = /** @type {(...args: any[]) => Promise<unknown>} */ (
    completions.create.bind(completions)
  )
  const watched = (/** @type {object} */ body, /** @type {unknown} */ options) => {
    const attempt = { startedAt: performance.now(), endedAt: Number.NaN }
    attempts.set(body, [...attemptsOf(body), attempt])
    const answer = create(body, options)
    const stop = () => {
      attempt.endedAt = performance.now()
    }
    answer.then(stop, stop)
    return answer
  }
  completions.create = /** @type {typeof completions.create} */ (watched)
  return client
}
