// @ts-check
import { percent, seconds, styles } from './paint.js'
import { standing } from './run.js'

const statusEveryMs = 1_000

/**
 * A line for each thing that happens, and one a second for how it goes.
 *
 * @param {import('./run.js').Run} run
 * @param {NodeJS.WritableStream} out
 * @param {import('./paint.js').Paint} paint
 * @returns {() => void} ends it
 */
export function showLines(run, out, paint) {
  const { journal, providers } = run
  const width = Math.max(...providers.map(({ name }) => name.length))
  /** @param {number} atMs @param {string} who @param {string} text */
  const line = (atMs, who, text) =>
    out.write(`${seconds(atMs).padStart(6)} s  ${who.padEnd(width)}  ${text}\n`)

  for (const { name, url, fallback } of providers)
    line(0, name, `${url} (${fallback ? 'fallback' : 'round-robin'})`)
  journal.onEntry(({ atMs, kind, provider, text }) =>
    line(atMs, provider, paint(styles[kind], text)),
  )
  const timer = setInterval(() => line(journal.elapsedMs, '', statusOf(run)), statusEveryMs)
  return () => clearInterval(timer)
}

/** @param {import('./run.js').Run} run */
function statusOf(run) {
  const { journal, providers, tally } = run
  const shares = journal.recentShares()
  const each = providers.map(
    ({ name }) => `${name} ${percent(shares.get(name) ?? 0)} ${standing(run, name).state}`,
  )
  return `${tally.calls} calls, ${tally.failures.length} failures | ${each.join(' | ')}`
}
