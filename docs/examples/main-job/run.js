// @ts-check

/**
 * What the views and the summary read.
 *
 * @typedef {object} Run
 * @property {import('./journal.js').Registry} registry
 * @property {import('./journal.js').Journal} journal
 * @property {import('./traffic.js').Tally} tally
 * @property {readonly import('./registry.js').Provider[]} providers
 * @property {readonly import('./servers.js').Server[]} servers none when base URLs were given
 * @property {number} lengthMs
 */

/** A circuit, or the pause that its provider asked for. @param {Run} run @param {string} name */
export function standing({ registry }, name) {
  const { state, retryAfterMs = 0 } = registry.get(name)?.circuit ?? { state: 'closed' }
  const candidate = registry.explain('llm').candidates.find(({ provider }) => provider === name)
  const verdict = candidate?.verdict
  if (state !== 'open' && typeof verdict === 'object' && verdict.reason === 'cooling')
    return { state: 'pausing', forMs: verdict.retryAfterMs }
  return { state, forMs: retryAfterMs }
}
