// @ts-check
import { ServiceRegistry } from 'switchgear'
import { redisStore } from 'switchgear/store/redis'
import { answering } from './child.js'

/** Another registry that follows the same Redis. Tells how long each probe was under way, and when it has seen one. */
const registry = new ServiceRegistry({ store: redisStore(process.argv[2] ?? '') })
await registry.start()

/** @type {number[]} */
const took = []
/** @type {Map<string, () => void>} */
const waiting = new Map()

registry.on('provider.added', ({ provider, view }) => {
  const { sentAt } = view.metadata
  // One clock for all processes of a machine.
  if (typeof sentAt === 'string') took.push(Number(process.hrtime.bigint() - BigInt(sentAt)) / 1e6)
  waiting.get(provider)?.()
})

answering({}, async ({ until, taken }) => {
  if (taken) return { took: took.splice(0) }
  if (until !== undefined && registry.get(until) === undefined)
    await new Promise((resolve) => waiting.set(until, () => resolve(undefined)))
  globalThis.gc?.()
  const { heapUsed } = process.memoryUsage()
  return { providers: registry.metrics().providers, heapUsed }
})
