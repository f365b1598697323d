// @ts-check
/** The main job: see `--help`, or options.js. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Journal } from './journal.js'
import { help, readOptions, UsageError } from './options.js'
import { painter } from './paint.js'
import { createRegistry, providersAt } from './registry.js'
import { play, scriptSeconds } from './script.js'
import { startServers } from './servers.js'
import { failed, summarise, summaryText } from './summary.js'
import { runTraffic, Tally } from './traffic.js'
import { showLines } from './view-lines.js'
import { fits, showTerminal } from './view-terminal.js'

/** How long Ctrl-C leaves to what is in flight. */
const graceMs = 2_000
/** A call on all its providers together takes no longer. */
const longestCallMs = 60_000
/** How long a circuit rests; less in a run so short that it could not close again. */
const restMs = 1_000
/** Columns of a summary that goes to no terminal. */
const widest = 100
/** What is asked for where models cannot be listed. */
const commonModel = 'gpt-4o-mini'

process.exitCode = await main(process.argv.slice(2))
process.exit()

/** @param {string[]} args */
async function main(args) {
  try {
    const options = readOptions(args, process.env)
    if (!options.help) return await run(options)
    process.stdout.write(help)
    return 0
  } catch (error) {
    const hint = error instanceof UsageError ? '\nTry: npm start -- --help' : ''
    process.stderr.write(`main job: ${/** @type {Error} */ (error).message}${hint}\n`)
    return 2
  }
}

/** @typedef {ReturnType<typeof readOptions>} Options */

/** @param {Options} options */
async function run(options) {
  const { color, json } = options
  const leave = interruption()
  const run = await prepare(options)
  const llm = run.registry.client('llm', {}, { timeoutMs: longestCallMs })
  const model = options.model ?? (await Promise.race([firstModel(llm), leave.then(() => '')]))

  const out = json ? process.stderr : process.stdout
  const paint = painter(color && out.isTTY)
  const show = !json && fits(out, run.providers.length) ? showTerminal : showLines
  run.journal.start()
  const hide = show(run, out, paint)
  const interrupted = await callUntilOver(run, llm, model, leave)
  hide()

  const summary = summarise(run, interrupted)
  const columns = Math.min(out.columns ?? widest, widest)
  process.stdout.write(
    json ? `${JSON.stringify(summary, null, 2)}\n` : summaryText(summary, paint, columns),
  )
  await run.registry.close()
  await Promise.all(run.servers.map((server) => server.stop()))
  return failed(summary) ? 1 : 0
}

/**
 * Example servers, unless others were given, and a registry of them.
 *
 * @param {Options} options
 * @returns {Promise<import('./run.js').Run>}
 */
async function prepare({ key, seconds, urls }) {
  const lengthMs = seconds * 1_000
  const tally = new Tally()
  if (urls.length > 0) {
    const providers = providersAt(urls)
    const registry = createRegistry(providers, { key, recoveryTimeoutMs: restMs })
    return { registry, journal: new Journal(registry), tally, providers, servers: [], lengthMs }
  }
  const servers = await startServers(['alpha', 'beta', 'gamma'])
  const providers = servers.map(({ name, url }) => ({ name, url, fallback: name === 'gamma' }))
  const recoveryTimeoutMs = restMs * Math.min(1, seconds / scriptSeconds)
  const registry = createRegistry(providers, { key: 'none', recoveryTimeoutMs })
  return { registry, journal: new Journal(registry), tally, providers, servers, lengthMs }
}

/**
 * Calls and faults until the time is over or somebody leaves, and then until nothing is in flight.
 *
 * @param {import('./run.js').Run} run
 * @param {import('openai').OpenAI} llm
 * @param {string} model
 * @param {Promise<void>} leave
 * @returns whether somebody left
 */
async function callUntilOver({ journal, lengthMs, servers, tally }, llm, model, leave) {
  const over = new AbortController()
  let interrupted = false
  const graceOver = leave.then(() => {
    interrupted = true
    return sleep(graceMs)
  })
  play(servers, lengthMs, over.signal, (name, text) => journal.note('fault', name, text)).catch(
    (error) => over.signal.aborted || journal.note('fault', '', String(error)),
  )
  const traffic = runTraffic(llm, model, tally, over.signal)
  await Promise.race([leave, sleep(lengthMs)])
  over.abort()
  await Promise.race([graceOver, traffic])
  return interrupted
}

/** Resolves when somebody wants it to end. @returns {Promise<void>} */
function interruption() {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve())
    // Whoever read the output has gone, such as `| head`.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => resolve())
  })
}

/** @param {import('openai').OpenAI} llm */
async function firstModel(llm) {
  try {
    const { data } = await llm.models.list()
    return data[0]?.id ?? commonModel
  } catch {
    return commonModel
  }
}
