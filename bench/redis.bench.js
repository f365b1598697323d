// @ts-check
import { setTimeout as delay } from 'node:timers/promises'
import { ServiceRegistry } from 'switchgear'
import { redisStore } from 'switchgear/store/redis'
import { digits, duration, median, report, settle } from './measure.js'
import { hasRedis, startRedis } from './redis-server.js'
import { started } from './serving/child.js'

if (!hasRedis) {
  console.error('redis-server is not installed: nothing is measured')
  process.exit()
}

const ROUNDS = 3
const MOST = 5_000
const LOOKS = 400
const MISSED = 10_000

/** What a group cannot go below: a record and a line of a log, all changes of a round sent at once. */
const floorScript = `
redis.call('HINCRBY', KEYS[1], 'revision', 1)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return redis.call('XADD', KEYS[3], 'MAXLEN', '~', 10000, '*', 'field', ARGV[1])`

/** @param {string} name @param {object} [more] */
const registration = (name, more) => ({
  service: 'llm',
  name,
  address: `http://10.0.0.1:8000/${name}`,
  capabilities: ['chat', 'vision', 'tools'],
  models: ['gpt-4o', 'gpt-4o-mini'],
  metadata: { region: 'eu-west', owner: 'team', ...more },
  connect: () => ({}),
})

const text = (/** @type {object} */ value) => JSON.stringify(value)
const providerJson = text({
  ...registration('provider-00000'),
  handlers: ['*'],
  priority: 2,
  group: 0,
  dependencies: [],
  weight: 1,
  origin: 'manual',
})
const leaseJson = text({
  provider: 'provider-00000',
  renewedAt: 1_790_000_000_000,
  forMs: 60_000,
  facts: { beats: 10 },
})

/** @param {number} size */
async function measured(size) {
  const redis = await startRedis()
  const registry = new ServiceRegistry({
    store: redisStore(redis.url, { historyLength: 20_000, timeoutMs: 60_000 }),
  })
  await registry.start()
  const names = Array.from({ length: size }, (_, i) => `provider-${i}`)
  for (const name of names) registry.register(registration(name))
  await registry.flush()
  const forMs = 3_600_000
  for (const name of names) registry.renew(name, { forMs, facts: { beats: 1 } })
  await registry.flush()
  const bytes = Number(/used_memory:(\d+)/.exec(await redis.client.info('memory'))?.[1]) / size
  const follower = await started('redis-node.js', redis.url)
  const seen = await follower.ask({ until: names.at(-1) })
  if (seen.providers !== size) throw new Error(`the other node has ${seen.providers} of ${size}`)

  let marks = 0
  /** Until the other node has all that came before. */
  const caughtUp = async () => {
    const name = `mark-${marks++}`
    registry.register(registration(name))
    await registry.flush()
    await follower.ask({ until: name })
  }
  await caughtUp()

  /** No name twice in a round: changes of one entry are written as one. */
  const BATCH = Math.min(MOST, size)
  const lanes = {
    register: async () => {
      for (let i = 0; i < BATCH; i++) registry.register(registration(`new-${i}`))
      await registry.flush()
    },
    heartbeat: async () => {
      for (let i = 0; i < BATCH; i++)
        registry.renew(names[(i * 7_919) % size], { forMs, facts: { beats: i } })
      await registry.flush()
    },
    'heartbeat, 64 at a time, each acknowledged': async () => {
      let next = 0
      const lane = async () => {
        while (next < BATCH) {
          registry.renew(names[(next++ * 7_919) % size], { forMs, facts: { beats: next } })
          await registry.flush()
        }
      }
      await Promise.all(Array.from({ length: 64 }, lane))
    },
    'bare register': () => bare('floor-p', providerJson),
    'bare heartbeat': () => bare('floor-l', leaseJson),
  }
  const bare = async (/** @type {string} */ prefix, /** @type {string} */ json) => {
    const pipeline = redis.client.pipeline()
    for (let i = 0; i < BATCH; i++)
      pipeline.eval(floorScript, 3, '{f}meta', '{f}records', '{f}log', `${prefix}${i}`, json)
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error
  }
  /** @type {Record<string, number[]>} */
  const us = Object.fromEntries(Object.keys(lanes).map((name) => [name, []]))
  /** @type {number[]} */
  const workUs = []
  for (let round = -1; round < ROUNDS; round++)
    for (const [name, run] of Object.entries(lanes)) {
      await settle()
      const cpu = await follower.cpuMs()
      const start = performance.now()
      await run()
      const ms = performance.now() - start
      if (round >= 0) us[name].push((ms * 1e3) / BATCH)
      if (name.startsWith('bare')) continue
      if (name === 'register') {
        for (let i = 0; i < BATCH; i++) registry.unregister(`new-${i}`)
        await registry.flush()
      }
      await caughtUp()
      if (round >= 0 && name === 'heartbeat')
        workUs.push((((await follower.cpuMs()) - cpu) * 1e3) / BATCH)
    }

  // How late a single change is seen.
  await follower.ask({ taken: true })
  for (let i = 0; i < LOOKS; i++) {
    registry.register(registration(`look-${i}`, { sentAt: String(process.hrtime.bigint()) }))
    await registry.flush()
    await delay(3)
  }
  await caughtUp()
  const took = (await follower.ask({ taken: true })).took.sort(
    (/** @type {number} */ a, /** @type {number} */ b) => a - b,
  )

  // Away for so many groups of one change each.
  process.kill(follower.pid, 'SIGSTOP')
  for (let i = 0; i < MISSED; i++) {
    registry.renew(names[(i * 7_919) % size], { forMs, facts: { beats: i } })
    await registry.flush()
  }
  registry.register(registration('after'))
  await registry.flush()
  const back = performance.now()
  process.kill(follower.pid, 'SIGCONT')
  await follower.ask({ until: 'after' })
  const catchUpMs = performance.now() - back

  // A node that starts.
  const begun = performance.now()
  const late = await started('redis-node.js', redis.url)
  const startMs = performance.now() - begun
  const { heapUsed, providers } = await late.ask({})

  for (const node of [follower, late]) await node.stop()
  await registry.close()
  await redis.stop()
  return {
    size,
    us,
    workUs: median(workUs),
    p50: took[Math.floor(took.length * 0.5)],
    p99: took[Math.floor(took.length * 0.99)],
    catchUpMs,
    startMs,
    heap: heapUsed / providers,
    bytes,
  }
}

const found = []
for (const size of [1_000, 10_000, 100_000]) found.push(await measured(size))

/** @param {number[]} ours @param {number[]} floor */
const times = (ours, floor) => median(ours.map((us, i) => us / floor[i]))
const perSecond = (/** @type {number[]} */ us) => `${digits(1e6 / median(us))}/s`
const sizeOf = (/** @type {number} */ size) => size.toLocaleString('en-US')

const rates = found.flatMap(({ size, us }) =>
  [
    ['register', 'bare register'],
    ['heartbeat', 'bare heartbeat'],
    ['heartbeat, 64 at a time, each acknowledged', 'bare heartbeat'],
  ].map(([name, floor]) => [
    `${name}, ${sizeOf(size)} providers`,
    perSecond(us[name]),
    perSecond(us[floor]),
    `${digits(1 / times(us[name], us[floor]))} x`,
  ]),
)
const [small, middle, large] = found
report('redis', {
  tables: [
    {
      title: `Written and acknowledged, ${sizeOf(MOST)} a round, or as many as there are`,
      head: ['what', 'ours', 'bare script calls', 'to bare'],
      rows: rates,
    },
    {
      title: 'Another node',
      head: [
        'providers',
        'a change seen, p50',
        'p99',
        `${sizeOf(MISSED)} groups missed`,
        'work per change',
        'start',
        'its heap per provider',
        'Redis per provider',
      ],
      rows: found.map(({ size, p50, p99, catchUpMs, workUs, startMs, heap, bytes }) => [
        sizeOf(size),
        duration(p50 * 1e6),
        duration(p99 * 1e6),
        duration(catchUpMs * 1e6),
        `${digits(workUs)} us`,
        duration(startMs * 1e6),
        `${digits(heap)} B`,
        `${digits(bytes)} B`,
      ]),
    },
  ],
  figures: {
    'P15.register': times(middle.us.register, middle.us['bare register']),
    'P15.heartbeat': times(middle.us.heartbeat, middle.us['bare heartbeat']),
    'P15.seen.p50': middle.p50,
    'P15.seen.p99': middle.p99,
    'P15.catchup': middle.catchUpMs / 1e3,
    'P15.work': large.workUs / small.workUs,
  },
  notes: [
    'A real redis-server on this machine, without a disk. Bare is one script call for each change, all of a round in one pipeline: a revision, a record as long as ours, a line of a log.',
    'The other node is a process of its own. A change is seen when its listener of provider.added runs; the machine has one clock for all processes.',
    'Groups are missed while the other node is stopped (SIGSTOP); each was one heartbeat. Work is its processor time per heartbeat, of a round in a few groups. Heap (of the whole process) and memory of Redis include leases.',
  ],
})
process.exit()
