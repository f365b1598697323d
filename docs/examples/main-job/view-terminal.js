// @ts-check
import { percent, seconds, styles } from './paint.js'
import { standing } from './run.js'
import { script, scriptSeconds } from './script.js'

/** @typedef {import('./run.js').Run} Run */
/** @typedef {import('./paint.js').Paint} Paint */

const everyMs = 100
const tallest = 12
/** Rows besides those for providers and events. */
const fixedRows = 14
const fewestEvents = 3

const ansi = {
  hideCursor: '\x1b[?25l',
  showCursor: '\x1b[?25h',
  noWrap: '\x1b[?7l',
  wrap: '\x1b[?7h',
  clear: '\x1b[2J\x1b[H',
  wholeLine: '\x1b[2K',
  restOfScreen: '\x1b[J',
  /** @param {number} rows */
  up: (rows) => (rows === 0 ? '\r' : `\x1b[${rows}A\r`),
}

/** Whether it can be shown there. @param {NodeJS.WriteStream} out @param {number} providers */
export const fits = (out, providers) =>
  out.isTTY && process.env.TERM !== 'dumb' && out.rows > fixedRows + fewestEvents + providers

/**
 * Draws the run in place until the returned function is called; the last frame stays.
 *
 * @param {Run} run
 * @param {NodeJS.WriteStream} out
 * @param {Paint} paint
 */
export function showTerminal(run, out, paint) {
  let drawn = 0
  const draw = () => {
    const lines = frame(run, out, paint)
    const text = lines.map((line) => `${ansi.wholeLine}${line}\n`).join('')
    out.write(ansi.up(drawn) + text + ansi.restOfScreen)
    drawn = lines.length
  }
  // What was drawn may have been wrapped or cut, so start over.
  const onResize = () => {
    out.write(ansi.clear)
    drawn = 0
    draw()
  }
  const restore = () => out.write(ansi.showCursor + ansi.wrap)
  out.write(ansi.hideCursor + ansi.noWrap)
  process.once('exit', restore)
  out.on('resize', onResize)
  const timer = setInterval(draw, everyMs)
  draw()
  return () => {
    clearInterval(timer)
    out.off('resize', onResize)
    draw()
    restore()
    process.off('exit', restore)
  }
}

/** @param {Run} run @param {NodeJS.WriteStream} out @param {Paint} paint */
function frame(run, out, paint) {
  const { journal, providers } = run
  const rows = Math.max(fewestEvents, Math.min(tallest, out.rows - fixedRows - providers.length))
  return [
    '',
    title(run, out.columns, paint),
    progress(run, out.columns, paint),
    '',
    ...providerRows(run, out.columns, paint),
    '',
    ...counts(run, paint),
    '',
    ` ${paint('bold', 'Events')}`,
    ...eventRows(journal.entries, rows, paint),
  ]
}

/** @param {Run} run @param {number} columns @param {Paint} paint */
function title({ journal, lengthMs, servers, tally }, columns, paint) {
  const left = Math.ceil(Math.max(0, lengthMs - journal.elapsedMs) / 1_000)
  const inFlight = tally.callsInFlight + tally.streamsInFlight
  const ending = inFlight === 0 ? 'done' : `waiting for ${inFlight} in flight`
  const time = left === 0 ? ending : `${left} s left`
  const now = nowText(servers)
  const gap = ' '.repeat(Math.max(1, columns - 14 - now.length - time.length))
  return ` ${paint('bold', 'switchgear')}  ${paint('cyan', now)}${gap}${time}`
}

/** What is being done to whom. @param {Run['servers']} servers */
function nowText(servers) {
  const doings = servers
    .filter(({ state }) => state !== 'up')
    .map(({ name, state }) => `${name} ${state === 'killed' ? 'is dead' : state}`)
  if (servers.length === 0) return 'no faults are injected'
  return doings.length === 0 ? 'all is well' : doings.join(', ')
}

/**
 * Time as a bar, with a mark for each thing that the script does.
 *
 * @param {Run} run @param {number} columns @param {Paint} paint
 */
function progress({ journal, lengthMs, servers }, columns, paint) {
  const width = Math.max(20, columns - 2)
  const done = Math.floor(Math.min(1, journal.elapsedMs / lengthMs) * width)
  const marks = new Set(
    servers.length === 0 ? [] : script.map(({ at }) => Math.floor((at / scriptSeconds) * width)),
  )
  const cells = Array.from({ length: width }, (_, index) =>
    index < done ? (marks.has(index) ? '◆' : '━') : marks.has(index) ? '◇' : '─',
  )
  const part = (/** @type {number} */ from, /** @type {number} */ to) =>
    cells.slice(from, to).join('')
  return ` ${paint('cyan', part(0, done))}${paint('dim', part(done, width))}`
}

/** @param {Run} run @param {number} columns @param {Paint} paint */
function providerRows(run, columns, paint) {
  const { journal, providers, servers } = run
  const shares = journal.recentShares()
  const nameWidth = Math.max(8, ...providers.map(({ name }) => name.length))
  const barWidth = Math.max(6, Math.min(40, columns - nameWidth - 60))
  const head = [
    'Provider'.padEnd(nameWidth),
    'Group'.padEnd(11),
    'Server'.padEnd(11),
    'Circuit'.padEnd(14),
    'Answers',
    'Share, last second',
  ]
  return [
    ` ${paint('dim', head.join('  '))}`,
    ...providers.map(({ name, fallback }) => {
      const server = servers.find((one) => one.name === name)?.state ?? ''
      const share = shares.get(name) ?? 0
      const { mark, text, style } = circuitCell(standing(run, name))
      const cells = [
        paint('bold', name.padEnd(nameWidth)),
        (fallback ? 'fallback' : 'round-robin').padEnd(11),
        server === 'up' ? server.padEnd(11) : paint('red', server.padEnd(11)),
        paint(style, `${mark} ${text}`.padEnd(14)),
        String(journal.answers.get(name) ?? 0).padStart(7),
        `${bar(share, barWidth, paint)} ${percent(share).padStart(5)}`,
      ]
      return ` ${cells.join('  ')}`
    }),
  ]
}

/**
 * @param {{ state: string, forMs: number }} standing
 * @returns {{ mark: string, text: string, style: import('./paint.js').Style }}
 */
function circuitCell({ state, forMs }) {
  const left = `${(forMs / 1_000).toFixed(1)} s`
  if (state === 'open') return { mark: '○', text: `open ${left}`, style: 'red' }
  if (state === 'pausing') return { mark: '◌', text: `pause ${left}`, style: 'yellow' }
  if (state === 'half-open') return { mark: '◐', text: state, style: 'yellow' }
  return { mark: '●', text: state, style: 'green' }
}

/** @param {number} share @param {number} width @param {Paint} paint */
function bar(share, width, paint) {
  const full = Math.round(share * width)
  return paint('cyan', '█'.repeat(full)) + paint('dim', '░'.repeat(width - full))
}

/** @param {Run} run @param {Paint} paint */
function counts({ journal, tally }, paint) {
  const { streams } = tally
  const lost = tally.failures.length + streams.failures.length
  const moves = [...journal.failOvers].map(([cause, times]) => `${times} ${cause}`)
  /** @param {string} name @param {number} number @param {string} rest */
  const row = (name, number, rest) =>
    ` ${paint('dim', name.padEnd(11))}${String(number).padStart(6)}   ${rest}`
  return [
    row('Calls', tally.calls, `${tally.callsInFlight} in flight`),
    row('Streams', streams.started, `${tally.streamsInFlight} in flight, ${streams.cut} cut`),
    row('Fail-overs', sum(journal.failOvers), moves.join(', ')),
    row(
      'Failures',
      lost,
      lost === 0 ? paint('green', 'none seen by callers') : paint('red', 'seen by callers'),
    ),
  ]
}

/** @param {ReadonlyMap<string, number>} counts */
const sum = (counts) => [...counts.values()].reduce((total, one) => total + one, 0)

/** @typedef {import('./journal.js').Entry} Entry */

/** @param {readonly Entry[]} entries @param {number} rows @param {Paint} paint */
function eventRows(entries, rows, paint) {
  const last = entries.slice(-rows).map(({ atMs, kind, provider, text }) => {
    const time = paint('dim', `${seconds(atMs).padStart(6)} s`)
    return ` ${time}  ${provider.padEnd(6)}  ${paint(styles[kind], text)}`
  })
  return [...last, ...Array.from({ length: rows - last.length }, () => '')]
}
