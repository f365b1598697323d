// @ts-check
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'

/**
 * One thing to time. `run` does `n` operations and returns something made of their results, so
 * that nothing can be optimised away; without `run` the row says that it is not built.
 * `before` (once a round), `input` and `after` (once a batch) stay outside the clock.
 * @typedef {object} Case
 * @property {string} name
 * @property {((n: number, input?: any) => unknown) | undefined} run
 * @property {() => unknown} [before]
 * @property {(n: number) => unknown} [input]
 * @property {(n: number, input?: any) => unknown} [after]
 * @property {number} [most] largest batch
 *
 * @typedef {{ name: string, rounds: number[], bytes: number[] }} Result nanoseconds and bytes per operation
 * @typedef {{ title: string, head: string[], rows: string[][] }} Table
 * @typedef {{ bench: string, what: string, atMost: number, unit?: string }} Goal
 */

/** More than an inline cache or a small identity cache can hold. */
export const BATCH = 8192

const BYTES_BATCH = 256
const WARM_MS = 150
const ROUND_MS = 30

/** With what a case does outside the clock. */
const MOST_ROUND_MS = 90

/** Long enough for a case to warm the caches again that the case before it has filled. */
const SHORTEST_BATCH_MS = 2

/** @type {Record<string, Goal>} */
export const budget = JSON.parse(readFileSync(new URL('budget.json', import.meta.url), 'utf8'))

/**
 * Times all cases in turn, a batch each, over and over: the machine is shared, and what disturbs
 * one case then disturbs its neighbours too. Ratios are therefore taken within a round.
 * @param {Case[]} cases
 * @returns {Promise<Map<string, Result>>}
 */
export async function compare(cases, rounds = 7) {
  const lanes = []
  for (const one of cases) if (one.run) lanes.push(await warm(one))
  for (let round = 0; round < rounds; round++) {
    await settle()
    for (const lane of lanes) lane.result.bytes.push(await allocated(lane))
    await timeRound(lanes)
  }
  return new Map(lanes.map(({ result }) => [result.name, result]))
}

/** @typedef {{ one: Case, batch: number, batches: number, result: Result }} Lane */

/** @param {Case} one */
async function warm(one) {
  /** @type {Lane} */
  const lane = { one, batch: 1, batches: 1, result: { name: one.name, rounds: [], bytes: [] } }
  const most = one.most ?? BATCH
  const end = performance.now() + WARM_MS
  await one.before?.()
  let ms = 0
  let allMs = 0
  let growing = true
  while (growing || performance.now() < end) {
    const start = performance.now()
    ms = await batchMs(lane)
    allMs = performance.now() - start
    growing = ms < SHORTEST_BATCH_MS && lane.batch < most
    if (growing) lane.batch = Math.min(most, lane.batch * 2)
  }
  lane.batches = Math.ceil(Math.min(ROUND_MS / ms, MOST_ROUND_MS / allMs))
  return lane
}

/** @param {Lane[]} lanes */
async function timeRound(lanes) {
  const spent = lanes.map(() => 0)
  for (const { one } of lanes) await one.before?.()
  const most = Math.max(...lanes.map((lane) => lane.batches))
  for (let turn = 0; turn < most; turn++) {
    for (const [i, lane] of lanes.entries()) {
      if (turn < lane.batches) spent[i] += await batchMs(lane)
    }
  }
  for (const [i, { batch, batches, result }] of lanes.entries()) {
    result.rounds.push((spent[i] * 1e6) / (batches * batch))
  }
}

/** @param {Lane} lane */
async function batchMs({ one, batch }) {
  const input = await one.input?.(batch)
  const start = performance.now()
  let result = one.run?.(batch, input)
  if (result instanceof Promise) result = await result
  const ms = performance.now() - start
  consume(one, result)
  await one.after?.(batch, input)
  return ms
}

/** A result that is looked at cannot be optimised away. @param {Case} one @param {unknown} result */
function consume(one, result) {
  if (!Number.isFinite(result)) throw new Error(`${one.name} came to ${result}`)
}

/**
 * What an operation allocates: growth of the used heap over a batch small enough not to start a
 * collection of its own.
 * @param {Lane} lane
 */
async function allocated({ one, batch }) {
  const n = Math.min(batch, BYTES_BATCH)
  await one.before?.()
  const input = await one.input?.(n)
  const before = process.memoryUsage().heapUsed
  let result = one.run?.(n, input)
  if (result instanceof Promise) result = await result
  const after = process.memoryUsage().heapUsed
  consume(one, result)
  await one.after?.(n, input)
  return (after - before) / n
}

/** Collects garbage, and lets finalizers and timers that are due run before the next clock starts. */
export async function settle() {
  globalThis.gc?.()
  await new Promise((resolve) => setImmediate(resolve))
}

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Median over the rounds of one case's time by another's; undefined if either was not measured.
 * @param {Map<string, Result>} results
 * @param {string} name
 * @param {string} base
 */
export function ratio(results, name, base) {
  const over = results.get(name)?.rounds
  const under = results.get(base)?.rounds
  return over && under && median(over.map((ns, i) => ns / under[i]))
}

/**
 * The worst of what was measured; undefined if nothing was.
 * @param {(number | undefined)[]} values
 */
export function worst(values) {
  const known = values.filter((value) => value !== undefined)
  return known.length ? Math.max(...known) : undefined
}

/**
 * @param {string} title
 * @param {Case[]} cases
 * @param {Map<string, Result>} results
 * @param {(name: string) => string} floorOf
 * @returns {Table}
 */
export function timings(title, cases, results, floorOf) {
  const rows = cases.map(({ name }) => {
    const found = results.get(name)
    if (!found) return [name, 'not built', '', '', '']
    const times = ratio(results, name, floorOf(name))
    return [
      name,
      duration(median(found.rounds)),
      duration(Math.min(...found.rounds)),
      times === undefined ? '' : `${digits(times)} x`,
      digits(Math.max(0, Math.round(median(found.bytes)))),
    ]
  })
  return { title, head: ['case', 'median', 'min', 'to floor', 'bytes/op'], rows }
}

/** @param {number} ns */
export function duration(ns) {
  if (ns < 1e3) return `${digits(ns)} ns`
  return ns < 1e6 ? `${digits(ns / 1e3)} us` : `${digits(ns / 1e6)} ms`
}

/** Three figures are all that a shared machine can vouch for. @param {number} value */
export function digits(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

/**
 * Prints the tables and keeps them in `results/`. Figures go by the ids of `budget.json`, and up
 * to `run.js` if that is who started us.
 * @param {string} bench
 * @param {{ tables: Table[], figures?: Record<string, number | undefined>, notes?: string[] }} found
 */
export function report(bench, { tables, figures = {}, notes = [] }) {
  const judged = goals(bench, figures)
  const all = judged.rows.length ? [...tables, judged] : tables
  const parts = [machine(), ...all.map(markdown)]
  if (notes.length) parts.push(notes.map((note) => `- ${note}`).join('\n'))
  const text = `${parts.join('\n\n')}\n`
  console.log(text)
  const folder = new URL('results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL(`${bench}.md`, folder), text)
  process.send?.(figures)
}

/** @param {string} bench @param {Record<string, number | undefined>} figures @returns {Table} */
function goals(bench, figures) {
  const rows = Object.entries(budget)
    .filter(([, goal]) => goal.bench === bench)
    .map(([id, goal]) => [id, ...verdict(goal, figures[id])])
  return { title: 'Goals', head: ['goal', 'what', 'at most', 'found', 'verdict'], rows }
}

/** @param {Goal} goal @param {number | undefined} figure */
export function verdict({ what, atMost, unit = 'x' }, figure) {
  const limit = `${digits(atMost)} ${unit}`
  if (figure === undefined) return [what, limit, '', 'not measured']
  const met = figure <= atMost / 2 ? 'met with ease' : 'met'
  return [what, limit, `${digits(figure)} ${unit}`, figure <= atMost ? met : 'SHORT']
}

/** @param {Table} table */
function markdown({ title, head, rows }) {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i].length)))
  /** @param {string[]} cells @param {string} filler */
  const line = (cells, filler) =>
    `| ${cells.map((cell, i) => (i ? cell.padStart(widths[i], filler) : cell.padEnd(widths[i], filler))).join(' | ')} |`
  const rule = head.map((_, i) => (i ? ':' : ''))
  const body = [line(head, ' '), markRight(line(rule, '-')), ...rows.map((row) => line(row, ' '))]
  return `## ${title}\n\n${body.join('\n')}`
}

/** Right alignment is a colon at the end of a rule. @param {string} rule */
function markRight(rule) {
  return rule.replace(/(-*):/g, '$1:')
}

function machine() {
  const peers = ['opossum', 'cockatiel', 'moleculer']
  const versions = peers.map((name) => `${name} ${versionIn(`../node_modules/${name}/`)}`)
  const own = `switchgear ${versionIn('../')}`
  const all = cpus()
  const cpu = `${all[0].model.trim()}, ${all.length} cores`
  const node = `Node ${process.versions.node}, V8 ${process.versions.v8}`
  return [node, cpu, own, ...versions].join(' · ')
}

/** @param {string} folder */
function versionIn(folder) {
  return JSON.parse(readFileSync(new URL(`${folder}package.json`, import.meta.url), 'utf8')).version
}

/**
 * Runs one part of a bench in a process of its own, where nothing else has warmed, polluted or
 * hooked anything, and returns the JSON that it printed.
 * @param {string} url @param {string[]} args
 */
export function alone(url, ...args) {
  const out = execFileSync(process.execPath, ['--expose-gc', fileURLToPath(url), ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  })
  return JSON.parse(out)
}
