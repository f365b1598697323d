// @ts-check
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { agentClient } from '../agents.js'
import { seeded } from '../world.js'

const POOL = 1_000
const CAPABILITIES = Array.from({ length: 40 }, (_, i) => `can-${i}`)
const MOST_WATCHERS = 40

/** Signs of life come from these, one after the other: at 60 things a second, long before they are removed. */
const LIVING = 100

/**
 * Comes, goes, asks and watches, at one or more servers that share a store, and knows what has to be there.
 * What is wrong is in `wrong`.
 */
export class Churn {
  /** @type {string[]} */ wrong = []
  done = 0
  refused = 0
  watched = 0
  #http = new Agent({ connections: 8, pipelining: 1 })
  /** @type {Set<string>} */ #there = new Set()
  /** Not asked about while something is done to it. @type {Set<string>} */ #busy = new Set()
  /** Given up by their agents, and when. @type {Map<string, number>} */ #left = new Map()
  /** @type {Map<number, AbortController>} */ #watchers = new Map()
  #watcher = 0
  #beats = 0
  /** When each that lives was last heard of. @type {Map<string, number>} */ #heard = new Map()
  #random
  /** @type {{ rest: string, agents: ReturnType<typeof agentClient> }[]} */ #servers

  /** @param {readonly { rest: string, grpc: string }[]} urls @param {number} timeoutMs @param {string} stub where locations are well @param {number} seed */
  constructor(urls, timeoutMs, stub, seed) {
    this.timeoutMs = timeoutMs
    this.stub = stub
    this.#random = seeded(seed)
    this.#servers = urls.map(({ rest, grpc }) => ({ rest, agents: agentClient(grpc) }))
  }

  get watchers() {
    return this.#watchers.size
  }

  get there() {
    return [...this.#there].filter((id) => !this.#isLate(id)).length
  }

  /** Until the signal aborts, so many things a second. @param {number} perSecond @param {AbortSignal} signal */
  async run(perSecond, signal) {
    const running = new Set()
    let next = performance.now()
    while (!signal.aborted) {
      const one = this.#step().catch((error) => {
        if (!signal.aborted) this.#note(`a request failed: ${error.cause ?? error}`)
      })
      running.add(one)
      void one.finally(() => running.delete(one))
      if (running.size > 64) await Promise.race(running)
      next += 1_000 / perSecond
      const wait = next - performance.now()
      if (wait > 2) await delay(wait)
      else if (wait < -1_000) next = performance.now() // never catch up: others want the machine, too
    }
    await Promise.all(running)
  }

  /** All servers have exactly what is registered, sooner or later. */
  async check() {
    for (const { rest } of this.#servers) await this.#checkOne(rest)
  }

  async close() {
    for (const watcher of this.#watchers.values()) watcher.abort()
    for (const { agents } of this.#servers) agents.close()
    await this.#http.destroy()
  }

  /** @param {string} rest */
  async #checkOne(rest) {
    let difference = ''
    for (let tries = 0; tries < 50; tries++) {
      const { body } = await this.#ask(rest, 'GET', '/api/services')
      const found = new Set(body.services.map((/** @type {any} */ one) => one.id))
      const missing = [...this.#there].filter((id) => !found.has(id) && !this.#isLate(id))
      const now = performance.now()
      const extra = [...found].filter((id) => !this.#there.has(id) && !this.#mayBe(id, now))
      difference = [...missing.map((id) => `-${id}`), ...extra.map((id) => `+${id}`)].join(' ')
      if (difference === '') return
      await delay(100)
    }
    this.#note(`${rest} differs after 5 s: ${difference.slice(0, 500)}`)
  }

  /** Who was given up is there until five time-outs are over. @param {string} id @param {number} now */
  #mayBe(id, now) {
    const at = this.#left.get(id)
    if (at === undefined) return false
    if (now - at <= this.timeoutMs * 5 + 10_000) return true
    this.#left.delete(id)
    return false
  }

  async #step() {
    this.done += 1
    const dice = this.#random(100)
    const server = this.#servers[this.#random(this.#servers.length)]
    if (dice < 20) return this.#register(server)
    if (dice < 35) return this.#deregister(server)
    if (dice < 60) return this.#heartbeat(server)
    if (dice < 75) return this.#lookUp(server)
    if (dice < 82) return this.#discover(server)
    if (dice < 87) return this.#track(server)
    if (dice < 92) return this.#leave(server)
    if (dice < 96) return this.#watch(server)
    return this.#wrongly(server)
  }

  /** @param {{ rest: string }} server */
  async #register({ rest }) {
    const i = this.#random(POOL)
    const id = `s${i}`
    await this.#alone(id, async () => {
      const some = Array.from({ length: 3 }, () => CAPABILITIES[this.#random(CAPABILITIES.length)])
      const capabilities = [...new Set(some)]
      const isHttp = i % 20 === 0
      const { status } = await this.#ask(rest, 'POST', '/api/register', {
        id,
        name: `Service ${i}`,
        capabilities,
        mode: isHttp ? 'http' : 'embedded',
        location: isHttp ? this.stub : '',
        metadata: { turn: this.done, padding: 'x'.repeat(this.#random(200)) },
      })
      if (status === 201) this.#there.add(id)
      else this.#note(`register was answered ${status}`)
    })
  }

  /** @param {{ rest: string }} server */
  async #deregister({ rest }) {
    const id = `s${this.#random(POOL)}`
    await this.#alone(id, async () => {
      const isHere = await this.#knows(rest, id)
      const { status } = await this.#ask(rest, 'DELETE', `/api/services/${id}`)
      if (status !== (isHere ? 200 : 404)) this.#note(`deregister was answered ${status}`)
      this.#there.delete(id)
    })
  }

  /** Another server may hear of it a little later. @param {string} rest @param {string} id */
  async #knows(rest, id) {
    const wanted = this.#there.has(id)
    for (let tries = 0; tries < 50; tries++) {
      const { status } = await this.#ask(rest, 'GET', `/api/services/${id}`)
      if ((status === 200) === wanted) return wanted
      await delay(100)
    }
    this.#note(`${id} ${wanted ? 'is not seen' : 'is still seen'} after 5 s`)
    return wanted
  }

  /** @param {{ rest: string, agents: ReturnType<typeof agentClient> }} server */
  async #heartbeat({ rest, agents }) {
    this.#beats += 1
    const i = this.#beats % LIVING
    const id = uuid(i)
    await this.#alone(id, async () => {
      if (this.#there.has(id) && !this.#isLate(id) && (await this.#knows(rest, id))) {
        const telemetry = { success_rate: 0.9, total_executions: this.done }
        await agents.call('Heartbeat', { agent_id: id, telemetry })
      } else {
        const metadata = { agent_id: id }
        await agents.call('Register', {
          agent_type: 1,
          capabilities: ['work', `can-${i % 40}`],
          metadata,
        })
        this.#there.add(id)
      }
      this.#heard.set(id, performance.now())
    })
  }

  /** On a busy machine a sign of life may come so late that the server has removed it. @param {string} id */
  #isLate(id) {
    const at = this.#heard.get(id)
    return at !== undefined && performance.now() - at > this.timeoutMs * 4
  }

  /** An agent that registers and is never heard of again. @param {{ agents: ReturnType<typeof agentClient> }} server */
  async #leave({ agents }) {
    const id = uuid(1_000 + this.#random(300))
    await this.#alone(id, async () => {
      this.#left.set(id, performance.now())
      await agents.call('Register', {
        agent_type: 2,
        capabilities: ['scout'],
        metadata: { agent_id: id },
      })
      this.#left.set(id, performance.now())
    })
  }

  /** @param {{ rest: string }} server */
  async #lookUp({ rest }) {
    const capability = CAPABILITIES[this.#random(CAPABILITIES.length)]
    const { status, body } = await this.#ask(rest, 'GET', `/api/capabilities/${capability}`)
    if (status === 200 && !body.capabilities.includes(capability))
      this.#note(`${body.id} was found for ${capability}, which it cannot do`)
  }

  /** @param {{ rest: string, agents: ReturnType<typeof agentClient> }} server */
  async #discover({ rest, agents }) {
    const capability = CAPABILITIES[this.#random(CAPABILITIES.length)]
    if (this.#random(2) === 0) {
      const { body } = await this.#ask(rest, 'POST', '/api/discover', {
        capabilities: [capability],
      })
      for (const { service } of body.matches ?? [])
        if (!service.capabilities.includes(capability))
          this.#note('discover found who cannot do it')
      return
    }
    const { agents: found } = await agents.call('DiscoverAgents', { capabilities: [capability] })
    for (const one of found)
      if (!one.capabilities.includes(capability)) this.#note('discover found who cannot do it')
  }

  /** @param {{ rest: string }} server */
  async #track({ rest }) {
    await this.#ask(rest, 'POST', '/api/track/invocation', {
      consumer_id: `s${this.#random(POOL)}`,
      provider_id: `s${this.#random(POOL)}`,
      capability: CAPABILITIES[this.#random(CAPABILITIES.length)],
      success: this.#random(10) > 0,
      latency_ms: this.#random(1_000),
    })
  }

  /** Follows for a while over either face, and leaves without a word. @param {{ rest: string, agents: ReturnType<typeof agentClient> }} server */
  async #watch({ rest, agents }) {
    if (this.#watchers.size >= MOST_WATCHERS) return
    this.#watcher += 1
    this.watched += 1
    const number = this.#watcher
    const watching = new AbortController()
    this.#watchers.set(number, watching)
    const over = setTimeout(() => watching.abort(), 500 + this.#random(20_000))
    const follow =
      number % 2 === 0 ? followRest(rest, watching.signal) : followAgents(agents, watching.signal)
    void follow
      .catch((error) => {
        if (!watching.signal.aborted) this.#note(`a watch ended: ${error}`)
      })
      .finally(() => {
        clearTimeout(over)
        this.#watchers.delete(number)
      })
  }

  /** What has to be refused is, and changes nothing. @param {{ rest: string }} server */
  async #wrongly({ rest }) {
    const { status } = await this.#ask(rest, 'POST', '/api/register', { id: 's1', capabilities: 7 })
    if (status !== 400) this.#note(`a wrong registration was answered ${status}`)
    this.refused += 1
  }

  /** One thing at a time for each id, or the order would be anybody's guess. @param {string} id @param {() => Promise<void>} work */
  async #alone(id, work) {
    if (this.#busy.has(id)) return
    this.#busy.add(id)
    try {
      await work()
    } finally {
      this.#busy.delete(id)
    }
  }

  /** @param {string} rest @param {string} method @param {string} path @param {object} [json] @returns {Promise<{ status: number, body: any }>} */
  async #ask(rest, method, path, json) {
    const { statusCode, body } = await request(rest + path, {
      method: /** @type {any} */ (method),
      dispatcher: this.#http,
      ...(json && { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } }),
    })
    const read = await body.json()
    if (statusCode >= 500 && statusCode !== 503)
      this.#note(`${method} ${path} was answered ${statusCode}`)
    return { status: statusCode, body: read }
  }

  /** @param {string} what */
  #note(what) {
    if (this.wrong.length < 20) this.wrong.push(what)
  }
}

/** @param {number} i */
const uuid = (i) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`

/** @param {string} rest @param {AbortSignal} signal */
async function followRest(rest, signal) {
  const { body } = await fetch(`${rest}/api/events`, { signal })
  for await (const _ of /** @type {any} */ (body)) if (signal.aborted) return
  if (!signal.aborted) throw new Error('the stream of events ended')
}

/** @param {ReturnType<typeof agentClient>} agents @param {AbortSignal} signal */
function followAgents(agents, signal) {
  const stream = agents.stream('WatchAgents', {})
  signal.addEventListener('abort', () => stream.cancel())
  return new Promise((resolve, reject) => {
    stream.on('data', () => {})
    stream.on('end', resolve)
    stream.on('error', (/** @type {any} */ error) =>
      signal.aborted ? resolve(undefined) : reject(error),
    )
  })
}
