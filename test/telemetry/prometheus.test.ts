import client from 'prom-client'
import { InvalidOptionsError, RegistryClosedError, ServiceRegistry } from 'switchgear'
import { memoryStore } from 'switchgear/store'
import { prometheus } from 'switchgear/telemetry'
import { FakeClock, FakeProvider } from 'switchgear/testing'
import { describe, expect, it } from 'vitest'
import { parsed } from './parsed.js'

interface Worker {
  work(word: string): Promise<string>
}

const registryOf = (clock = new FakeClock()) =>
  new ServiceRegistry<{ worker: Worker; llm: Worker }>({
    clock,
    services: { worker: { idempotent: true } },
    circuit: { failureThreshold: 2 },
  })

const sound: Worker = { work: async (word) => word }
const broken: Worker = { work: () => Promise.reject(new Error('down')) }

describe('prometheus', () => {
  it('counts calls by what became of them and why', async () => {
    const registry = registryOf()
    const metrics = prometheus(registry)
    registry.register({ service: 'worker', name: 'a', priority: 'high', provider: broken })
    registry.register({ service: 'worker', name: 'b', priority: 'low', provider: sound })
    expect(await registry.client('worker').work('x')).toBe('x')
    const read = parsed(await metrics.text())
    const calls = read.of('switchgear_calls_total')
    expect(calls).toEqual({
      'cause=transient,outcome=failure,provider=a,service=worker': 1,
      'cause=,outcome=success,provider=b,service=worker': 1,
    })
    expect(read.of('switchgear_failovers_total')).toEqual({ 'cause=transient,service=worker': 1 })
    expect(read.of('switchgear_call_duration_seconds_count')).toEqual({ 'service=worker': 2 })
    expect(read.of('switchgear_resolutions_total')).toEqual({
      'result=hit,service=worker': 1,
      'result=miss,service=worker': 0,
    })
    await registry.close()
  })

  it('counts what guarded instances and leases call, and what is refused', async () => {
    const registry = registryOf()
    const metrics = prometheus(registry)
    registry.register({ service: 'worker', name: 'a', provider: sound })
    const guarded = await registry.getService('worker')
    await guarded?.work('x')
    await registry.resolve('worker')?.run((worker) => worker.work('y'))
    registry.circuit('a').trip()
    await expect(guarded?.work('z')).rejects.toThrow()
    expect(parsed(await metrics.text()).of('switchgear_calls_total')).toEqual({
      'cause=,outcome=success,provider=a,service=worker': 2,
      'cause=circuit-open,outcome=refused,provider=a,service=worker': 1,
    })
    await registry.close()
  })

  it('measures in seconds, a stream until its end', async () => {
    const clock = new FakeClock()
    const registry = registryOf(clock)
    const metrics = prometheus(registry)
    registry.register({
      service: 'worker',
      name: 'a',
      provider: {
        async work(word) {
          await clock.sleep(2_000)
          return word
        },
      },
    })
    const done = registry.client('worker').work('x')
    await clock.advance(2_000)
    await done
    const stream = registry.stream('worker', {}, async function* () {
      yield 1
      await clock.sleep(1_000)
      yield 2
    })
    const reading = (async () => {
      for await (const _ of stream);
    })()
    await clock.advance(1_000)
    await reading
    const read = parsed(await metrics.text())
    expect(read.of('switchgear_call_duration_seconds_sum')).toEqual({ 'service=worker': 3 })
    expect(read.of('switchgear_call_duration_seconds_bucket')).toMatchObject({
      'le=0.5,service=worker': 0,
      'le=1,service=worker': 1,
      'le=2.5,service=worker': 2,
    })
    await registry.close()
  })

  it('says of a caller who gave up that it was aborted', async () => {
    const registry = registryOf()
    const metrics = prometheus(registry)
    registry.register({
      service: 'worker',
      name: 'a',
      provider: { work: () => new Promise(() => {}) },
    })
    const gone = new AbortController()
    const call = registry.call('worker', {}, (worker) => worker.work('x'), { signal: gone.signal })
    gone.abort(new Error('gone'))
    await expect(call).rejects.toThrow('gone')
    expect(parsed(await metrics.text()).of('switchgear_calls_total')).toEqual({
      'cause=aborted,outcome=failure,provider=a,service=worker': 1,
    })
    await registry.close()
  })

  it('reads how things are when it is scraped', async () => {
    const clock = new FakeClock()
    const fake = new FakeProvider({ name: 'c' })
    const registry = registryOf(clock)
    const metrics = prometheus(registry)
    registry.register({ service: 'worker', name: 'a', provider: sound, handler: ['one', 'two'] })
    registry.register({ service: 'worker', name: 'b', provider: sound })
    registry.register({
      service: 'llm',
      name: 'c',
      provider: sound,
      health: { check: () => fake.healthy },
    })
    fake.healthy = false
    await registry.healthCheckAll()
    registry.circuit('b').trip()
    const read = parsed(await metrics.text())
    const health = read.of('switchgear_providers')
    expect(health).toMatchObject({ 'health=unhealthy,service=llm': 1 })
    expect(Object.values(health).reduce((sum, one) => sum + one, 0)).toBe(3)
    expect(read.of('switchgear_circuit_state')).toMatchObject({
      'provider=a,state=closed': 1,
      'provider=a,state=open': 0,
      'provider=b,state=open': 1,
      'provider=b,state=closed': 0,
    })
    expect(read.of('switchgear_health_checks_total')).toEqual({
      'result=success': 0,
      'result=failure': 1,
    })
    registry.unregister('b')
    expect(parsed(await metrics.text()).of('switchgear_circuit_state')).not.toHaveProperty(
      'provider=b,state=open',
    )
    await registry.close()
  })

  it('shows sources and how far the store is behind', async () => {
    const clock = new FakeClock()
    const store = memoryStore()
    let refuses = true
    const registry = new ServiceRegistry({
      clock,
      store: {
        name: 'stubborn',
        load: () => store.load(),
        apply: (changes) => (refuses ? Promise.reject(new Error('full')) : store.apply(changes)),
        close: () => store.close(),
      },
      sources: [
        {
          name: 'list',
          async *watch() {
            yield { complete: true, sightings: [] }
          },
        } as never,
      ],
    })
    const metrics = prometheus(registry)
    await registry.start()
    registry.register({ service: 'worker', name: 'a', provider: {}, address: 'http://127.0.0.1:1' })
    await clock.advance(500)
    const behind = parsed(await metrics.text())
    expect(behind.of('switchgear_store_lag_seconds')).toEqual({ '': 0.5 })
    expect(Object.keys(behind.of('switchgear_sources'))).toContain('source=list,state=live')
    refuses = false
    await registry.flush()
    await clock.advance(1_000)
    expect(parsed(await metrics.text()).of('switchgear_store_lag_seconds')).toEqual({ '': 0 })
    await registry.close()
  })

  it('keeps at most 200 names of providers, and gives room to the living', async () => {
    const registry = registryOf()
    const metrics = prometheus(registry)
    for (let i = 0; i < 230; i++) {
      registry.register({ service: 'worker', name: `p${i}`, provider: sound })
      await registry.client('worker', { where: {} }).work('x')
      if (i < 100) registry.unregister(`p${i}`)
    }
    const names = async () => {
      const read = parsed(await metrics.text())
      return [
        ...new Set(
          [read.of('switchgear_circuit_state'), read.of('switchgear_calls_total')].flatMap((one) =>
            Object.keys(one).map((key) => /provider=([^,]*)/.exec(key)?.[1]),
          ),
        ),
      ]
    }
    const first = await names()
    expect(first.length).toBeLessThanOrEqual(201)
    expect(first).toContain('p199')
    expect(first).not.toContain('p200')
    for (let i = 230; i < 400; i++)
      registry.register({ service: 'worker', name: `p${i}`, provider: sound })
    const second = await names()
    expect(second).toHaveLength(201)
    expect(second).toContain('other')
    const states = parsed(await metrics.text()).of('switchgear_circuit_state')
    expect(states['provider=other,state=closed']).toBe(100)
    await registry.close()
  })

  it('counts look-ups of so many services by name, and of the others together', async () => {
    const registry = new ServiceRegistry()
    const metrics = prometheus(registry)
    for (let i = 0; i < 1_100; i++) await registry.getService(`s${i}`)
    expect(Object.keys(registry.metrics().services)).toHaveLength(1_024)
    const resolutions = parsed(await metrics.text()).of('switchgear_resolutions_total')
    const misses = Object.entries(resolutions).filter(([labels]) => labels.includes('result=miss'))
    expect(misses).toHaveLength(201)
    expect(resolutions['result=miss,service=other']).toBe(900)
    await registry.close()
  })

  it('cuts long names and hides the user of a URL', async () => {
    const registry = registryOf()
    const metrics = prometheus(registry)
    registry.register({ service: 'worker', name: 'http://me:pass@host/x', provider: sound })
    registry.register({ service: 'worker', name: 'n'.repeat(4_000), provider: sound })
    const text = await metrics.text()
    expect(text).not.toContain('pass')
    expect(text).toContain('provider="http://***@host/x"')
    expect(text).toContain(`provider="${'n'.repeat(128)}"`)
    await registry.close()
  })

  it('keeps what is hostile in a name inside its label', async () => {
    const registry = registryOf()
    const metrics = prometheus(registry)
    const name = 'a"} 1\nswitchgear_evil 1\\'
    registry.register({ service: 'worker', name, provider: sound })
    const text = await metrics.text()
    expect(text.split('\n').filter((line) => line.startsWith('switchgear_evil'))).toEqual([])
    await registry.close()
  })

  it("uses the user's register, or the module's default one, and refuses a second registry", async () => {
    const register = new client.Registry()
    const [one, two] = [registryOf(), registryOf()]
    const metrics = prometheus(one, register)
    expect(metrics.register).toBe(register)
    expect(metrics.contentType).toBe(register.contentType)
    const again = () => prometheus(two, register)
    expect(again).toThrow(InvalidOptionsError)
    expect(again).toThrow(/switchgear_call_duration_seconds.*a register of its own/)
    expect(() => prometheus(one, register)).toThrow(InvalidOptionsError)
    metrics.dispose()
    metrics.dispose()
    expect(register.getMetricsAsArray()).toEqual([])
    using second = prometheus(two, register)
    metrics.dispose() // of the first again: it takes nothing from the second
    expect(second.register.getMetricsAsArray().length).toBeGreaterThan(5)

    using module = prometheus(one, client)
    expect(module.register).toBe(client.register)
    await Promise.all([one.close(), two.close()])
  })

  it.each([null, 5, 'x', {}, { register: {} }])('refuses %j as a register', (target) => {
    const registry = registryOf()
    expect(() => prometheus(registry, target as never)).toThrow(InvalidOptionsError)
  })

  it('refuses a closed registry and leaves nothing in the register', async () => {
    const registry = registryOf()
    await registry.close()
    const register = new client.Registry()
    expect(() => prometheus(registry, register)).toThrow(RegistryClosedError)
    expect(register.getMetricsAsArray()).toEqual([])
  })

  it('goes on showing a registry that was closed later', async () => {
    const registry = registryOf()
    const metrics = prometheus(registry)
    registry.register({ service: 'worker', name: 'a', provider: sound })
    await registry.client('worker').work('x')
    await registry.close()
    const read = parsed(await metrics.text())
    expect(read.of('switchgear_providers')).toEqual({})
    expect(Object.values(read.of('switchgear_calls_total'))).toEqual([1])
  })

  it('makes no events any more once it is disposed', async () => {
    const registry = registryOf()
    const metrics = prometheus(registry)
    registry.register({ service: 'worker', name: 'a', provider: sound })
    await registry.client('worker').work('x')
    metrics.dispose()
    await registry.client('worker').work('x')
    using again = prometheus(registry)
    expect(parsed(await again.text()).of('switchgear_calls_total')).toEqual({})
    await registry.close()
  })

  it('reads a registry once for all metrics of a scrape', async () => {
    const registry = registryOf()
    let described = 0
    const metrics = prometheus({
      describe: (filter) => {
        described += 1
        return registry.describe(filter)
      },
      metrics: () => registry.metrics(),
      on: (type, listener) => registry.on(type, listener),
    })
    await metrics.text()
    await metrics.text()
    expect(described).toBe(2)
    await registry.close()
  })
})
