// @ts-check
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { budget, verdict } from './measure.js'

/**
 * `npm run bench` runs all, `npm run bench -- resolve heap` these two, `--check` ends with what
 * falls short of `budget.json`. A figure never makes it fail: machines are shared and noisy.
 */
const BENCHES = [
  'resolve',
  'call',
  'failure',
  'register',
  'query',
  'heap',
  'idle',
  'stream',
  'store',
  'reconcile',
  'rest',
  'grpc',
  'redis',
  'scale',
  'scan',
  'import',
]

/** Each in a process of its own. @param {string} name @returns {Promise<Record<string, number>>} */
function run(name) {
  const file = fileURLToPath(new URL(`${name}.bench.js`, import.meta.url))
  return new Promise((resolve) => {
    let figures = {}
    const child = fork(file, { execArgv: ['--expose-gc'] })
    child.on('message', (sent) => {
      figures = /** @type {Record<string, number>} */ (sent)
    })
    child.on('exit', (code) => {
      if (code) console.error(`${name}: ended with exit code ${code}`)
      resolve(figures)
    })
  })
}

const args = process.argv.slice(2)
const wanted = args.filter((arg) => arg !== '--check')
const unknown = wanted.filter((name) => !BENCHES.includes(name))
if (unknown.length) console.error(`No bench ${unknown.join(', ')}; there are ${BENCHES.join(', ')}`)

const chosen = BENCHES.filter((name) => !wanted.length || wanted.includes(name))
/** @type {Record<string, number>} */
const figures = {}
for (const name of chosen) Object.assign(figures, await run(name))

if (args.includes('--check')) {
  const checked = Object.entries(budget).filter(([, goal]) => chosen.includes(goal.bench))
  const lines = checked
    .map(([id, goal]) => [id, ...verdict(goal, figures[id])])
    .filter((line) => !line[4].startsWith('met'))
    .map(
      ([id, what, atMost, found, word]) => `${id}: ${what}: ${word} ${found} (at most ${atMost})`,
    )
  console.log(lines.length ? lines.join('\n') : `All ${checked.length} goals are met.`)
}
