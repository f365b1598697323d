// @ts-check
import { Redis } from 'ioredis'
import { ServiceRegistry } from 'switchgear'
import { redisStore } from 'switchgear/store/redis'
import { median } from '../measure.js'
import { startRedis } from '../redis-server.js'
import { started } from '../serving/child.js'

const SIZE = 10_000
const READERS = 200
const ROUNDS = 3

/**
 * What one thing costs, in microseconds of processor time, or in bytes: of a real redis-server, and of a node that
 * follows it. Processor time does not mind that others use the machine.
 * @typedef {Awaited<ReturnType<typeof measure>>} Constants
 */
export async function measure() {
  const redis = await startRedis()
  const registry = new ServiceRegistry({
    store: redisStore(redis.url, { historyLength: 100_000, timeoutMs: 60_000 }),
  })
  await registry.start()
  const names = Array.from({ length: SIZE }, (_, i) => `provider-${i}`)
  for (const name of names)
    registry.register({
      service: 'llm',
      name,
      address: `http://10.0.0.1:8000/${name}`,
      capabilities: ['chat', 'vision', 'tools'],
      metadata: { region: 'eu-west', owner: 'team' },
      connect: () => ({}),
    })
  await registry.flush()
  const renew = (/** @type {number} */ i) =>
    registry.renew(names[i % SIZE], { forMs: 60_000, facts: { beats: i } })
  for (let i = 0; i < SIZE; i++) renew(i)
  await registry.flush()

  const ownCpu = () => {
    const { user, system } = process.cpuUsage()
    return user + system
  }
  /** Of Redis. */
  const cpuUs = async () => {
    const info = await redis.client.info('cpu')
    const of = (/** @type {string} */ name) =>
      Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1])
    return (of('used_cpu_user') + of('used_cpu_sys')) * 1e6
  }
  /** @param {number} count @param {() => Promise<unknown>} run */
  const each = async (count, run) => {
    const rounds = []
    for (let round = -1; round < ROUNDS; round++) {
      const [before, own] = [await cpuUs(), ownCpu()]
      await run()
      const used = { redis: ((await cpuUs()) - before) / count, own: (ownCpu() - own) / count }
      if (round >= 0) rounds.push(used)
    }
    return {
      redis: median(rounds.map((one) => one.redis)),
      own: median(rounds.map((one) => one.own)),
    }
  }
  let beat = 0
  const single = await each(2_000, async () => {
    for (let i = 0; i < 2_000; i++) {
      renew(beat++)
      await registry.flush()
    }
  })
  const many = await each(SIZE, async () => {
    for (let i = 0; i < SIZE; i++) renew(beat++)
    await registry.flush()
  })

  const keys = await redis.client.keys('{switchgear:default}:*')
  const key = (/** @type {string} */ end) => keys.find((one) => one.endsWith(end)) ?? ''
  const fields = (await redis.client.hkeys(key(':records'))).filter((one) =>
    one.startsWith('leases'),
  )
  const field = await each(200 * 100, async () => {
    for (let i = 0; i < 200; i++)
      await redis.client.hmget(key(':records'), ...fields.slice(i * 40, i * 40 + 100))
  })
  const call = await each(4_000, async () => {
    for (let i = 0; i < 4_000; i++) await redis.client.hmget(key(':records'), fields[i])
  })
  const fanOut = await each(READERS * 100, () => withReaders(redis.url))
  const logBytes =
    Number(await redis.client.memory('USAGE', key(':log'), 'SAMPLES', '0')) /
    Number(await redis.client.xlen(key(':log')))
  const recordBytes =
    Number(await redis.client.memory('USAGE', key(':records'), 'SAMPLES', '0')) / SIZE

  const before = await cpuUs()
  const node = await started('redis-node.js', redis.url)
  const startUs = (await node.cpuMs()) * 1e3
  const scanUs = ((await cpuUs()) - before) / SIZE
  const empty = await started('redis-node.js', `${redis.url}/1`)
  const idleUs = (await empty.cpuMs()) * 1e3
  const idle = (await empty.ask({})).heapUsed
  const full = (await node.ask({})).heapUsed
  const mark = async (/** @type {string} */ name) => {
    registry.register({ service: 'llm', name, address: 'http://10.0.0.1', connect: () => ({}) })
    await registry.flush()
    await node.ask({ until: name })
  }
  await mark('mark-1')
  const atFirst = await node.cpuMs()
  for (let i = 0; i < 2_000; i++) {
    renew(beat++)
    await registry.flush()
  }
  await mark('mark-2')
  const afterSingle = await node.cpuMs()
  for (let i = 0; i < SIZE; i++) renew(beat++)
  await registry.flush()
  await mark('mark-3')
  const afterMany = await node.cpuMs()

  await node.stop()
  await empty.stop()
  await registry.close()
  await redis.stop()
  return {
    writeGroupUs: single.redis,
    writeChangeUs: many.redis,
    wakeUs: fanOut.redis,
    callUs: call.redis,
    fieldUs: field.redis,
    scanUs,
    ownChangeUs: many.own,
    ownGroupUs: single.own,
    nodeGroupUs: ((afterSingle - atFirst) * 1e3) / 2_000,
    nodeChangeUs: ((afterMany - afterSingle) * 1e3) / SIZE,
    nodeStartUs: (startUs - idleUs) / SIZE,
    recordBytes,
    logBytes,
    heapBytes: (full - idle) / SIZE,
  }
}

/** 100 lines of a log, each read by many who wait for it. @param {string} url */
async function withReaders(url) {
  const readers = Array.from({ length: READERS }, () => new Redis(url))
  const writer = new Redis(url)
  await Promise.all(readers.map((one) => one.ping()))
  for (let line = 0; line < 100; line++) {
    const waiting = readers.map((one) =>
      one.xread('COUNT', 100, 'BLOCK', 5_000, 'STREAMS', 'lines', '$'),
    )
    await new Promise((resolve) => setTimeout(resolve, 10))
    await writer.xadd(
      'lines',
      '*',
      'by',
      'x'.repeat(36),
      'mark',
      'x'.repeat(36),
      'fields',
      '["leases \\"provider-1000\\""]',
    )
    await Promise.all(waiting)
  }
  for (const one of [...readers, writer]) one.disconnect()
}
