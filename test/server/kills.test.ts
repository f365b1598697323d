import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest'
import { seededRandom } from '../../src/testing/index.js'
import { needs } from '../house/needs.js'
import { hasRedis, noRedis, startRedis } from '../real/redis.js'
import { Follower } from './follower.js'
import { AgentClient } from './grpc/client.js'
import { Model } from './kills-model.js'
import { ask } from './rest-client.js'
import { type Build, build, listening, type Serving, serve } from './serve-process.js'

/*
 * Servers that are killed while they are used: two that share a Redis, and one with a file. What they have
 * acknowledged is compared with what is there afterwards.
 */

const isSoak = process.env.SWITCHGEAR_SOAK !== undefined
/** SWITCHGEAR_SOAK=<seed> for much more of it. */
const seed = Number(process.env.SWITCHGEAR_SOAK ?? 1)
const rounds = isSoak ? 25 : 2
const changesARound = isSoak ? 150 : 30

let program: Build

beforeAll(async () => {
  program = await build('kills')
})
afterAll(() => program.remove())

const soon = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 20_000, interval: 30 })

/** A place for a server, in which one process comes after another. */
class Seat {
  readonly follower = new Follower()
  readonly #args: readonly string[]
  #process: Serving | undefined
  #agents: AgentClient | undefined
  url = ''

  constructor(store: string) {
    this.#args = ['--store', store, '--port', '0', '--grpc-port', '0']
  }

  get isThere(): boolean {
    return this.#agents !== undefined
  }

  get agents(): AgentClient {
    if (this.#agents === undefined) throw new Error('It is not there')
    return this.#agents
  }

  async start(...args: readonly string[]): Promise<void> {
    this.#process = serve(program, [...this.#args, ...args])
    const { rest, grpc } = await listening(this.#process)
    this.url = rest
    this.#agents = new AgentClient(grpc)
    this.follower.start(rest)
  }

  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL')
    await this.#process?.end
    this.#agents?.close()
    this.#agents = undefined
    await this.follower.stop()
  }
}

/** Servers with one store, those who use them, and what these know for sure. */
class World {
  readonly seats: readonly Seat[]
  readonly model: Model
  readonly random: () => number
  acknowledged = 0
  #version = 0
  #goOn = true

  constructor(stores: readonly string[], seedOfIt: number) {
    this.seats = stores.map((store) => new Seat(store))
    this.random = seededRandom(seedOfIt)
    const agent = (at: number): string => `00000000-0000-4000-8000-00000000000${at}`
    this.model = new Model(['a', 'b', 'c', ...[1, 2, 3].map(agent)])
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T
  }

  /** Every id has a user of its own, who asks any of the servers. Ends when it is told to. */
  async use(): Promise<void> {
    this.#goOn = true
    await Promise.all(this.model.ids.map((id) => this.#useOne(id)))
  }

  rest(): void {
    this.#goOn = false
  }

  async #useOne(id: string): Promise<void> {
    while (this.#goOn) {
      const there = this.seats.filter(({ isThere }) => isThere)
      if (there.length > 0) await this.#change(id, this.pick(there))
      await new Promise(setImmediate)
    }
  }

  async #change(id: string, seat: Seat): Promise<void> {
    const does = this.pick(['register', 'register', 'heartbeat', 'deregister'])
    const act = id.length > 1 ? overGrpc : overRest
    const version = `1.0.${++this.#version}`
    const before = performance.now()
    const answer = await act(does, id, version, seat).catch(() => 'unknown')
    const isLate = performance.now() - before > 1_500 // gRPC has no word for what is not stored yet
    const state = does === 'register' ? version : 'gone'
    if (answer === 'done' && !isLate) this.acknowledged += 1
    if (does === 'heartbeat') return
    if (answer === 'done' && !isLate) this.model.is(id, state)
    else if (answer !== 'not there') this.model.mayBe(id, state)
    else if (this.seats.length === 1) expect(this.model.may(id)).toContain('gone')
  }

  /** All servers say the same, and nothing that was acknowledged is otherwise. */
  async check(): Promise<void> {
    const { ids } = this.model
    const found = await soon(async () => {
      const lists = await Promise.all(this.seats.map(({ url }) => listed(url)))
      for (const [at, list] of lists.entries()) {
        expect(list).toEqual(lists[0])
        const { entries } = this.seats[at]?.follower ?? { entries: new Map() }
        const followed = [...entries.values()].map(({ id, version }) => [id, version])
        expect(Object.fromEntries(followed)).toEqual(Object.fromEntries(list))
      }
      return lists[0] ?? new Map()
    })
    for (const id of ids) {
      const state = found.get(id) ?? 'gone'
      expect(this.model.may(id), id).toContain(state)
      this.model.is(id, state)
    }
    expect(found.size).toBeLessThanOrEqual(ids.length)
    for (const { follower } of this.seats) expect(follower.wrong).toEqual([])
  }
}

/** Id to version. */
async function listed(url: string): Promise<ReadonlyMap<string, string>> {
  const { json } = await ask(url, '/v1/providers')
  const list: readonly { id: string; version: string }[] = json.providers
  return new Map(list.map(({ id, version }) => [id, version] as const).toSorted())
}

type Answer = 'done' | 'not there' | 'unknown'

async function overRest(does: string, id: string, version: string, { url }: Seat): Promise<Answer> {
  const body = { id, name: id, version, capabilities: ['greet'], mode: 'embedded' }
  const { status, json } = await (does === 'register'
    ? ask(url, '/api/register', { body })
    : does === 'heartbeat'
      ? ask(url, `/api/heartbeat/${id}`, { method: 'POST' })
      : ask(url, `/api/services/${id}`, { method: 'DELETE' }))
  if (status === 404) return 'not there'
  expect(status).toBe(does === 'register' ? 201 : 200)
  return json.stored === false ? 'unknown' : 'done'
}

async function overGrpc(
  does: string,
  agent_id: string,
  version: string,
  { agents }: Seat,
): Promise<Answer> {
  if (does === 'register') {
    const metadata = { agent_id }
    const message = { agent_type: 1, capabilities: ['python'], metadata, version }
    expect((await agents.call('Register', message)).agent_id).toBe(agent_id)
    return 'done'
  }
  if (does === 'deregister') {
    const { success } = await agents.call('Deregister', { agent_id })
    return success ? 'done' : 'not there'
  }
  const telemetry = { success_rate: 0.9, avg_duration_ms: 1, total_executions: 5 }
  await agents.call('Heartbeat', { agent_id, telemetry })
  return 'done'
}

async function live(world: World): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const using = world.use()
    const until = world.acknowledged + changesARound
    const enough = (share: number) =>
      soon(() => expect(world.acknowledged).toBeGreaterThan(until - changesARound * (1 - share)))
    await enough(world.random() / 2)
    const all = world.random() < 0.3
    const killed = all ? world.seats : [world.pick(world.seats)]
    await Promise.all(killed.map((seat) => seat.kill()))
    await Promise.all(killed.map((seat) => seat.start()))
    await enough(1)
    world.rest()
    await using
    await world.check()
  }
  for (const { follower } of world.seats) expect(follower.resyncs).toBeLessThanOrEqual(rounds)
}

/** Who is silent is noticed although the server that knew it is gone, and stays away. */
async function expire({ seats }: World): Promise<void> {
  const [first] = seats as readonly [Seat]
  await first.kill()
  await first.start('--heartbeat-timeout', '0.3')
  const metadata = { agent_id: '00000000-0000-4000-8000-0000000000ff' }
  const { agent_id } = await first.agents.call('Register', {
    agent_type: 2,
    capabilities: ['x'],
    metadata,
  })
  await first.kill()
  const [other = first] = seats.slice(1)
  if (other === first) await first.start()
  const path = `/v1/providers/${agent_id}`
  await soon(async () => expect((await ask(other.url, path)).json.status).toBe('unhealthy'))
  await soon(async () => expect((await ask(other.url, path)).status).toBe(404))
  if (other !== first) await first.start()
  expect((await ask(first.url, path)).status).toBe(404)
}

async function run(stores: readonly string[], context: TestContext): Promise<void> {
  const world = new World(stores, seed)
  context.onTestFinished(async () => {
    world.rest()
    await Promise.all(world.seats.map((seat) => seat.kill()))
  })
  await Promise.all(world.seats.map((seat) => seat.start()))
  await live(world)
  await expire(world)
}

const patienceMs = 40_000 + rounds * 10_000

describe.concurrent(`servers that are killed ${rounds} times while they are used`, () => {
  it(
    'keep what they have acknowledged in a Redis that they share',
    async (context) => {
      needs(context, hasRedis, noRedis)
      const redis = await startRedis()
      context.onTestFinished(() => redis.stop())
      await run([redis.url, redis.url], context)
    },
    patienceMs,
  )

  it(
    'keep what they have acknowledged in a file',
    async (context) => {
      const folder = join(program.folder, 'data')
      mkdirSync(folder)
      await run([`file:${join(folder, 'registry.json')}`], context)
    },
    patienceMs,
  )
})

describe('a server that starts', () => {
  it('ends with 1 when Redis is not there, and says what to do', async () => {
    const one = serve(program, ['--store', 'redis://127.0.0.1:1', '--port', '0', '--no-grpc'])
    expect(await one.end).toBe(1)
    expect(one.said.err).toMatch(
      /ECONNREFUSED 127\.0\.0\.1:1: nothing listens there; start Redis, or/,
    )
    expect(one.said.err.trim().split('\n').length).toBeLessThan(5)
    expect(one.said.out).toBe('')
  })
})
