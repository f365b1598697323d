// @ts-check
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { report } from './measure.js'
import { started } from './serving/child.js'
import { asked, head, rowsOf, times, work } from './serving/load.js'

const SIZE = 10_000

const folder = mkdtempSync(join(tmpdir(), 'switchgear-bench-'))
const ours = await started('ours.js', String(SIZE))
const kept = await started('ours.js', String(SIZE), join(folder, 'registry.json'))
const bare = await started('bare-http.js')

/** Keep-alive, a connection for each request in flight. @param {string} url */
function asking(url) {
  const pool = new Pool(url, { connections: 64, pipelining: 1 })
  /** @param {string} method @param {string} path @param {object} [json] @returns {Promise<number>} bytes of the answer */
  const once = (method, path, json) =>
    new Promise((resolve, reject) => {
      let bytes = 0
      let status = 0
      pool.dispatch(
        {
          method: /** @type {any} */ (method),
          path,
          ...(json && {
            body: JSON.stringify(json),
            headers: ['content-type', 'application/json'],
          }),
        },
        {
          onRequestStart() {},
          onResponseStart(_, code) {
            status = code
          },
          onResponseData(_, chunk) {
            bytes += chunk.length
          },
          onResponseEnd: () =>
            status < 300 ? resolve(bytes) : reject(new Error(`${method} ${path}: ${status}`)),
          onResponseError: (_, error) => reject(error),
        },
      )
    })
  /** A connection that was idle while the other server was asked may be closed by now. */
  const ask = async (/** @type {Parameters<typeof once>} */ ...request) => {
    try {
      return await once(...request)
    } catch (error) {
      if (/** @type {any} */ (error).code === undefined) throw error
      return once(...request)
    }
  }
  return { ask, close: () => pool.destroy() }
}

const pools = new Map([ours, kept, bare].map((server) => [server, asking(server.urls.rest)]))
const idOf = (/** @type {number} */ i) =>
  `00000000-0000-4000-8000-${String((i * 7_919) % SIZE).padStart(12, '0')}`

/** @param {string} name @param {(i: number) => [string, string, object?]} toRequest @param {typeof ours} [server] */
async function question(name, toRequest, server = ours) {
  const { ask } = /** @type {ReturnType<typeof asking>} */ (pools.get(server))
  const { ask: askBare } = /** @type {ReturnType<typeof asking>} */ (pools.get(bare))
  const size = await ask(...toRequest(0))
  return {
    name,
    ours: { server, send: (/** @type {number} */ i) => ask(...toRequest(i)) },
    bare: {
      server: bare,
      before: () => bare.ask({ size }),
      send: (/** @type {number} */ i) => askBare(...toRequest(i)),
    },
  }
}

/** @param {number} i @returns {[string, string, object]} */
const register = (i) => [
  'POST',
  '/api/register',
  {
    id: `s${i % SIZE}`,
    name: `Service ${i % SIZE}`,
    capabilities: ['registered', `can-${i % 1_000}`],
    mode: 'embedded',
    location: '',
    metadata: { region: 'eu-west' },
  },
]

const results = await asked([
  await question('look-up by capability, 30 of 10,000 have it', (i) => [
    'GET',
    `/api/capabilities/can-${i % 1_000}`,
  ]),
  await question('look-up by capability, all 10,000 have it', () => [
    'GET',
    '/api/capabilities/every',
  ]),
  await question('one by id', (i) => ['GET', `/api/services/${idOf(i)}`]),
  await question('list of the 30 with a capability', (i) => [
    'GET',
    `/api/services?capability=can-${i % 1_000}`,
  ]),
  await question('heartbeat', (i) => ['POST', `/api/heartbeat/${idOf(i)}`]),
  await question('register, in memory', register),
  await question('register, on the disk', register, kept),
])
const lists = await asked([await question('list of all', () => ['GET', '/api/services'])], {
  rounds: 3,
  roundMs: 300,
})

for (const [server, { close }] of pools) {
  await close()
  await server.stop()
}
rmSync(folder, { recursive: true })

const [lookUp, every] = results
report('rest', {
  tables: [
    {
      title: `${SIZE.toLocaleString('en-US')} services, 64 requests in flight`,
      head,
      rows: rowsOf([...results, ...lists]),
    },
  ],
  figures: {
    'P14.rest': times(lookUp.ours, lookUp.bare),
    'P14.rest.work': work(lookUp.ours, lookUp.bare),
    'P14.rest.all': times(every.ours, every.bare),
  },
  notes: [
    'Bare is node:http that reads the body and answers with a constant one as long as ours, asked the same by the same client, round by round in turn; each server has a process of its own, and so has the client.',
    'Work is processor time of the server per request. The rate is also that of the client (undici), which costs as much as a bare server: where both are bounded by it, the ratio of work says more.',
  ],
})
process.exit()
