// @ts-check
import { percent } from './paint.js'

/** @typedef {ReturnType<typeof summarise>} Summary */

/** Of each circuit, the last ones; the JSON has them all. */
const mostSteps = 16
const mostErrors = 5

/** @param {import('./run.js').Run} run @param {boolean} interrupted */
export function summarise({ journal, lengthMs, providers, tally }, interrupted) {
  const { entries, failOvers } = journal
  const total = [...journal.answers.values()].reduce((sum, answers) => sum + answers, 0)
  const { streams } = tally
  return {
    seconds: round(journal.elapsedMs / 1_000),
    plannedSeconds: lengthMs / 1_000,
    interrupted,
    calls: tally.calls,
    answered: tally.answered,
    unfinished: tally.callsInFlight,
    failures: tally.failures.length,
    errors: kinds([...tally.failures, ...streams.failures]),
    callsFailedOver: tally.failedOver,
    streams: {
      started: streams.started,
      whole: streams.whole,
      failedOver: streams.failedOver,
      cutAfterFirstText: streams.cut,
      failedBeforeFirstText: streams.failures.length,
      unfinished: tally.streamsInFlight,
    },
    failOvers: Object.fromEntries(failOvers),
    addedMs: {
      measured: 'time in the call, less that of the winning attempt in its client',
      firstAttempt: percentiles(tally.addedMs),
      failedOver: percentiles(tally.failedOverMs),
    },
    share: providers.map(({ name }) => {
      const answers = journal.answers.get(name) ?? 0
      return { provider: name, answers, share: round(answers / Math.max(1, total)) }
    }),
    faults: entries
      .filter(({ kind }) => kind === 'fault')
      .map(({ atMs, provider, text }) => ({ at: round(atMs / 1_000), provider, text })),
    transitions: entries
      .filter(({ kind }) => ['opened', 'half-opened', 'closed'].includes(kind))
      .map(({ atMs, kind, provider }) => ({ at: round(atMs / 1_000), provider, to: kind })),
  }
}

/** Whether a caller saw a failure that was to be kept from it. @param {Summary} summary */
export const failed = ({ failures, interrupted, streams, unfinished }) =>
  failures + streams.failedBeforeFirstText > 0 ||
  (!interrupted && unfinished + streams.unfinished > 0)

/** @param {Summary} summary @param {import('./paint.js').Paint} paint @param {number} columns */
export function summaryText(summary, paint, columns) {
  const { addedMs, failures, failOvers, streams, unfinished } = summary
  const causes = Object.entries(failOvers).map(([cause, count]) => `${count} ${cause}`)
  const moves = Object.values(failOvers).reduce((sum, one) => sum + one, 0)
  const shares = summary.share.map(
    ({ provider, answers, share }) => `${provider} ${percent(share)} (${answers})`,
  )
  /** @type {[string, string][]} */
  const rows = [
    ['Calls', `${summary.calls}, ${summary.answered} answered${inFlight(unfinished)}`],
    ['Failures seen', paint(failures === 0 ? 'green' : 'red', `${failures} by callers`)],
    ['Fail-overs', `${moves}${causes.length > 0 ? `: ${causes.join(', ')}` : ''}`],
    ['', `they saved: calls ${summary.callsFailedOver}, streams ${streams.failedOver}`],
    ['Streams', `${streams.started}, ${streams.whole} whole${inFlight(streams.unfinished)}`],
    ['', `${streams.failedBeforeFirstText} failed before their first text`],
    ['', `${streams.cutAfterFirstText} cut after it; a cut is a failure for its reader, because`],
    ['', 'text that was read cannot be taken back and must not be doubled'],
    ['Share', shares.join(', ')],
    ['Added', `${spread(addedMs.firstAttempt)} answered by the first provider`],
    ['by switchgear', `${spread(addedMs.failedOver)} failed over, tries included`],
    ['', addedMs.measured],
    ...circuitRows(summary, columns - 17),
  ]
  const early = summary.interrupted ? `, ended early (of ${summary.plannedSeconds} s)` : ''
  return [
    '',
    ` ${paint('bold', 'Summary')}  ${summary.seconds.toFixed(1)} s${early}`,
    ...rows.map(([name, text]) => ` ${paint('dim', name.padEnd(14))} ${text}`),
    ...summary.errors.map(
      ({ times, example }) => ` ${paint('red', `Failure x${times}`.padEnd(14))} ${example}`,
    ),
    '',
  ].join('\n')
}

/** @param {number} count */
const inFlight = (count) => (count === 0 ? '' : `, ${count} not waited for`)

/** @param {Summary['addedMs']['firstAttempt']} spread */
const spread = ({ count, p50, p99 }) =>
  `${count === 0 ? '' : `p50 ${p50.toFixed(2)}, p99 ${p99.toFixed(2)} ms: `}${count} calls`

/**
 * The way of each circuit that moved, in as many rows as it takes.
 *
 * @param {Summary} summary @param {number} width
 * @returns {[string, string][]}
 */
function circuitRows({ share, transitions }, width) {
  const rows = share.flatMap(({ provider }) => {
    const steps = transitions
      .filter((transition) => transition.provider === provider)
      .map(({ at, to }) => `${at.toFixed(2)} ${to}`)
      .slice(-mostSteps)
    if (steps.length === 0) return []
    const words = steps.map((step, index) => (index < steps.length - 1 ? `${step},` : step))
    return wrapped([`${provider}:`, ...words], width)
  })
  if (rows.length === 0) return [['Circuits', 'stayed closed']]
  return rows.map((row, index) => [index === 0 ? 'Circuits' : '', row])
}

/** @param {readonly string[]} words @param {number} width */
function wrapped(words, width) {
  /** @type {string[]} */
  const lines = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(lines.length === 0 ? word : `  ${word}`)
  }
  return lines
}

/** Errors that differ only in numbers are of one kind. @param {readonly unknown[]} errors */
function kinds(errors) {
  /** @type {Map<string, { times: number, example: string }>} */
  const found = new Map()
  for (const error of errors) {
    const [example = ''] = String(error).split('\n')
    const key = example.replace(/\d+/g, '0')
    const kind = found.get(key) ?? { times: 0, example }
    found.set(key, kind)
    kind.times += 1
  }
  return [...found.values()].sort((a, b) => b.times - a.times).slice(0, mostErrors)
}

/** @param {readonly number[]} values */
function percentiles(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (/** @type {number} */ ratio) =>
    round(sorted[Math.max(0, Math.ceil(sorted.length * ratio) - 1)] ?? 0)
  return { count: sorted.length, p50: at(0.5), p99: at(0.99) }
}

/** @param {number} value */
const round = (value) => Math.round(value * 1_000) / 1_000
