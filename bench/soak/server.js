// @ts-check
import { createServer } from 'switchgear/server'
import { fileStore } from 'switchgear/store'
import { redisStore } from 'switchgear/store/redis'

/**
 * A server in a process of its own, so that its memory is nobody else's: `file:PATH` or `redis:URL`.
 * Asked for a sample, it collects its garbage and tells what it holds.
 */
const [store = '', heartbeatTimeoutMs = '12000'] = process.argv.slice(2)
const place = store.slice(store.indexOf(':') + 1)

const errors = /** @type {string[]} */ ([])
/** @type {any} */
const logger = {
  debug() {},
  info() {},
  warn() {},
  error: (/** @type {string} */ message, /** @type {any} */ { error } = {}) =>
    void errors.push(`${message}: ${error}`),
}

const server = await createServer({
  port: 0,
  grpc: { port: 0 },
  store: store.startsWith('file:') ? fileStore(place) : redisStore(place),
  heartbeatTimeoutMs: Number(heartbeatTimeoutMs),
  healthCheckIntervalMs: 5_000,
  changesKept: 2_000, // full before the end of the warm-up
  logger,
})

process.on('message', async (asked) => {
  if (asked === 'close') {
    await server.close()
    process.exit()
  }
  globalThis.gc?.()
  await new Promise((resolve) => setTimeout(resolve, 50))
  globalThis.gc?.()
  const { heapUsed, rss, external } = process.memoryUsage()
  const cpu = process.cpuUsage()
  process.send?.({
    heap: heapUsed,
    rss,
    external,
    cpuMs: (cpu.user + cpu.system) / 1e3,
    entries: server.operations.stats().total,
    changes: server.operations.position,
    errors: errors.splice(0),
  })
})
process.on('disconnect', () => process.exit()) // the soak has failed
process.send?.(server.urls)
