import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { settled } from '../../src/core/clock.js'
import type { RegistryEvent } from '../../src/index.js'
import { ServiceRegistry } from '../../src/index.js'
import { memoryStore } from '../../src/store/index.js'
import type { Store } from '../../src/store/store.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'

type Anything = Record<string, object>
type Options = ConstructorParameters<typeof ServiceRegistry<Anything>>[0]

const startMs = 1_790_000_000_000

function made(options: Options = {}, clock = new FakeClock(startMs)) {
  const registry = new ServiceRegistry<Anything>({ clock, random: seededRandom(1), ...options })
  const heard: RegistryEvent[] = []
  void (async () => {
    for await (const event of registry.events()) heard.push(event)
  })()
  return { registry, clock, heard }
}

const said = (events: readonly RegistryEvent[]): string[] =>
  events.map((event) => ('provider' in event ? `${event.type} ${event.provider}` : event.type))

const fixture = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'))

const echo = { say: async (word: string) => word }

describe('export', () => {
  it('holds everything, as plain frozen JSON with secrets hidden', () => {
    const { registry } = made()
    registry.register({
      service: 'llm',
      provider: echo,
      name: 'a',
      handler: ['x', 'y'],
      priority: 'high',
      group: 2,
      strategy: 'round-robin',
      capabilities: ['chat', { name: 'image', version: '1.2', parameters: { width: { max: 64 } } }],
      version: '1.4.0',
      apiVersion: '2.0',
      models: ['m'],
      dependencies: ['b'],
      metadata: { region: 'eu', apiKey: 'sk-real' },
      limits: { vram: 24 },
      weight: 3,
      address: 'http://user:pass@127.0.0.1:80',
      credential: 'team-a',
      concurrency: 8,
      idempotent: false,
      requestsPerMinute: 10,
      tokensPerMinute: 1_000,
      circuit: { failureThreshold: 3, timeoutMs: Number.POSITIVE_INFINITY },
    })
    registry.circuit('a').isolate('maintenance')
    registry.models.register({ id: 'm', provider: 'p' })
    registry.capabilities.define({ name: 'dubbing', version: '1.0', parameters: {} })
    const snapshot = registry.export()
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
    expect(snapshot).toMatchObject({ schemaVersion: '2.0', savedAt: '2026-09-21T14:13:20.000Z' })
    expect(snapshot.providers).toEqual([
      {
        name: 'a',
        service: 'llm',
        handlers: ['x', 'y'],
        priority: 1,
        group: 2,
        strategy: 'round-robin',
        capabilities: [
          { name: 'chat' },
          { name: 'image', version: '1.2', parameters: { width: { max: 64 } } },
        ],
        version: '1.4.0',
        apiVersion: '2.0',
        models: ['m'],
        dependencies: ['b'],
        metadata: { region: 'eu', apiKey: '***' },
        limits: { vram: 24 },
        weight: 3,
        address: 'http://***@127.0.0.1:80',
        credential: 'team-a',
        concurrency: 8,
        idempotent: false,
        requestsPerMinute: 10,
        tokensPerMinute: 1_000,
        origin: 'manual',
        circuit: { failureThreshold: 3, timeoutMs: null },
      },
    ])
    expect(snapshot.circuits).toEqual([
      {
        provider: 'a',
        state: 'open',
        failures: 0,
        openedAt: startMs,
        retryAt: null,
        reason: 'maintenance',
      },
    ])
    expect(snapshot.models.map(({ id }) => id)).toEqual(['m'])
    expect(snapshot.capabilities.map(({ name }) => name)).toEqual(['dubbing'])
    expect(Object.isFrozen(snapshot) && Object.isFrozen(snapshot.providers[0]?.metadata)).toBe(true)
  })

  it('hides what a sign of life says in secret, unless asked for it', () => {
    const { registry } = made()
    registry.register({ service: 'tools', name: 'a', provider: echo })
    registry.renew('a', { forMs: 1_000, facts: { token: 'sk-real', runs: 1 } })
    expect(registry.export().leases).toMatchObject([{ facts: { token: '***', runs: 1 } }])
    const [shown] = registry.export({ secrets: true }).leases
    expect(shown?.facts).toEqual({ token: 'sk-real', runs: 1 })
  })

  it('gives the secrets to who asks for them', () => {
    const { registry } = made()
    registry.register({
      service: 'llm',
      provider: echo,
      name: 'a',
      metadata: { apiKey: 'sk-real' },
    })
    expect(registry.export({ secrets: true }).providers[0]?.metadata).toEqual({ apiKey: 'sk-real' })
  })

  it('keeps the order of registration, also after a priority has changed', () => {
    const { registry } = made()
    for (const name of ['c', 'a', 'b']) registry.register({ service: 's', provider: echo, name })
    registry.setPriority('b', 'high')
    expect(registry.export().providers.map(({ name }) => name)).toEqual(['c', 'a', 'b'])
  })
})

describe('import', () => {
  it('brings a registry back in another one', () => {
    const first = made()
    for (const name of ['c', 'a', 'b'])
      first.registry.register({
        service: 's',
        provider: echo,
        name,
        strategy: 'round-robin',
        capabilities: ['x@1.2'],
      })
    first.registry.models.register({ id: 'm', provider: 'p', contextLength: 9 })
    first.registry.circuit('a').trip(5_000, 'by hand')
    const snapshot = JSON.parse(JSON.stringify(first.registry.export()))
    const second = made()
    expect(second.registry.import(snapshot)).toEqual({ added: ['c', 'a', 'b'], changed: [] })
    expect(second.registry.export()).toEqual(snapshot)
    expect(second.registry.circuit('a').state).toBe('open')
  })

  it('into the same registry changes nothing and tells nothing', async () => {
    const { registry, heard } = made()
    registry.register({
      service: 's',
      provider: echo,
      name: 'a',
      metadata: { token: 't' },
      address: 'http://u:p@h',
    })
    registry.models.register({ id: 'm', provider: 'p' })
    registry.circuit('a').trip(5_000)
    await settled()
    const before = registry.export({ secrets: true })
    const told = heard.length
    expect(registry.import(registry.export())).toEqual({ added: [], changed: [] })
    expect(registry.export({ secrets: true })).toEqual(before)
    await settled()
    expect(said(heard.slice(told))).toEqual([])
  })

  it('keeps the instance of a provider that is there, and changes its record', async () => {
    const { registry } = made()
    registry.register({ service: 's', provider: echo, name: 'a', concurrency: 1 })
    const instance = await registry.getService('s')
    const { providers, ...rest } = registry.export()
    const changed = { ...rest, providers: [{ ...providers[0], version: '2.0', concurrency: 4 }] }
    expect(registry.import(changed)).toEqual({ added: [], changed: ['a'] })
    expect(registry.get('a')).toMatchObject({ version: '2.0' })
    expect(await registry.getService('s')).toBe(instance)
  })

  it('takes a mask for what is there already, and for nothing elsewhere', () => {
    const { registry } = made()
    const address = 'http://user:pass@host/'
    const metadata = { apiKey: 'sk', deep: [{ token: 't' }], region: 'eu' }
    registry.register({ service: 's', provider: echo, name: 'a', metadata, address })
    const snapshot = registry.export()
    registry.import(snapshot)
    expect(registry.export({ secrets: true }).providers[0]).toMatchObject({ metadata, address })
    const other = made().registry
    other.import(snapshot)
    expect(other.export({ secrets: true }).providers[0]).toMatchObject({
      metadata: { deep: [{}], region: 'eu' },
      address: 'http://host/',
    })
  })

  it('is all or nothing: a bad third entry, a conflict of strategies, a circle', async () => {
    const { registry, heard } = made()
    registry.register({
      service: 's',
      provider: echo,
      name: 'old',
      strategy: 'fallback',
      version: '1.0',
    })
    await settled()
    const before = registry.export()
    const told = heard.length
    const one = before.providers[0]
    const attempt = (providers: readonly unknown[]) => () =>
      registry.import({ ...before, providers })
    expect(
      attempt([
        { ...one, version: '2.0' },
        { ...one, name: 'b' },
        { ...one, name: 'c', priority: 7 },
      ]),
    ).toThrow(/providers\[2\] \("c"\)\.priority/)
    expect(
      attempt([
        { ...one, version: '2.0' },
        { ...one, name: 'b' },
        { ...one, name: 'c', strategy: 'round-robin' },
      ]),
    ).toThrow(/uses the strategy 'fallback'/)
    expect(
      attempt([
        { ...one, version: '2.0' },
        { ...one, name: 'x', dependencies: ['y'] },
        { ...one, name: 'y', dependencies: ['x'] },
      ]),
    ).toThrow(/x -> y -> x|y -> x -> y/)
    expect(attempt([{ ...one, service: 'other' }])).toThrow(/expected "s"/)
    await settled()
    expect(registry.export()).toEqual(before)
    expect(said(heard.slice(told))).toEqual([])
  })

  it('is one turn: whoever hears of the first sees the last', () => {
    const { registry } = made()
    const snapshot = { ...registry.export(), providers: fixture('registry-2.0').providers }
    const providers = snapshot.providers as Record<string, unknown>[]
    providers.push({ ...providers[0], name: 'second' })
    const seen: number[] = []
    registry.on('provider.added', () => void seen.push(registry.list().length))
    registry.import(snapshot)
    expect(seen).toEqual([2, 2])
  })

  it('makes instances by the connect of their service', async () => {
    const connect = vi.fn(async ({ address }: { address: string | undefined }) => ({
      at: () => address,
    }))
    const { registry } = made({ services: { llm: { connect } } })
    registry.import({ ...fixture('registry-2.0'), circuits: [] })
    const client = registry.client('llm', { handler: 'SpeakHandler' }) as { at(): Promise<string> }
    expect(await client.at()).toBe('https://api.example.com/v1')
    expect(connect).toHaveBeenCalledOnce()
  })

  it('leaves a provider aside that nobody can make an instance of, and says so', async () => {
    const { registry } = made()
    registry.import({ ...fixture('registry-2.0'), circuits: [] })
    const request = { handler: 'SpeakHandler' }
    expect(await registry.getService('llm', request)).toBeUndefined()
    expect(registry.resolve('llm', request)).toBeUndefined()
    expect(registry.explain('llm', request).candidates[0]?.verdict).toEqual({
      reason: 'connecting',
    })
    await expect(registry.requireService('llm', request)).rejects.toThrow(
      'openai is not connected yet',
    )
    const { circuit } = registry.get('openai') ?? {}
    expect(circuit).toMatchObject({ calls: 0, failures: 0 })
  })
})

describe('start, flush and close', () => {
  const address = 'http://127.0.0.1:1'

  it('finds after a restart what was there before: records, circuits, health, models, definitions', async () => {
    const store = memoryStore()
    const clock = new FakeClock(startMs)
    const first = made({ store }, clock)
    await first.registry.start()
    first.registry.register({
      service: 's',
      provider: echo,
      name: 'a',
      address,
      metadata: { apiKey: 'sk' },
      circuit: { recoveryTimeoutMs: 60_000 },
    })
    first.registry.register({
      service: 's',
      provider: echo,
      name: 'b',
      address,
      health: { check: () => false },
    })
    first.registry.circuit('a').trip()
    await first.registry.healthCheckAll()
    first.registry.models.register({ id: 'm', provider: 'p', contextLength: 5 })
    first.registry.capabilities.define({ name: 'dubbing', version: '1.0', parameters: {} })
    await first.registry.close()

    await clock.advance(20_000)
    const second = made({ store }, clock)
    await second.registry.start()
    expect(second.registry.export({ secrets: true }).providers[0]).toMatchObject({
      name: 'a',
      metadata: { apiKey: 'sk' },
      circuit: { recoveryTimeoutMs: 60_000 },
    })
    expect(second.registry.circuit('a').stats).toMatchObject({
      state: 'open',
      retryAfterMs: 40_000,
    })
    expect(second.registry.get('b')?.health).toBe('unhealthy')
    expect(second.registry.export().health).toEqual([
      { provider: 'b', status: 'unhealthy', checkedAt: startMs },
    ])
    expect(second.registry.models.get('m', 'p')?.contextLength).toBe(5)
    expect(second.registry.capabilities.has('dubbing')).toBe(true)
    await second.registry.close()
  })

  it('keeps only what can be found again: a name and an address', async () => {
    const store = memoryStore()
    const { registry } = made({ store })
    await registry.start()
    registry.register({ service: 's', provider: echo, name: 'without-address' })
    registry.register({ service: 's', provider: echo, address })
    registry.register({ service: 's', provider: echo, name: 'kept', address })
    await registry.close()
    expect((await store.load())?.providers.map(({ name }) => name)).toEqual(['kept'])
  })

  it('lets code register again what was read back, with its circuit and health', async () => {
    const store = memoryStore(fixture('registry-2.0') as never)
    const { registry } = made({ store })
    await registry.start()
    expect(registry.get('openai')?.health).toBe('degraded')
    const registration = {
      service: 'llm',
      provider: echo,
      name: 'openai',
      handler: 'SpeakHandler',
      address: 'https://new.example.com',
    }
    registry.register(registration)
    expect(registry.get('openai')).toMatchObject({
      address: 'https://new.example.com',
      health: 'degraded',
      circuit: { state: 'open', retryAfterMs: 50_000 },
    })
    expect(() => registry.register(registration)).toThrow('already registered')
    await registry.close()
  })

  it('restores the circuit of a provider that code registers before or after the start', async () => {
    const store = memoryStore()
    const first = made({ store })
    await first.registry.start()
    for (const name of ['before', 'after']) {
      first.registry.register({ service: 's', provider: echo, name })
      first.registry.circuit(name).isolate()
    }
    await first.registry.close()
    const { registry, heard } = made({ store })
    registry.register({ service: 's', provider: echo, name: 'before' })
    await registry.start()
    registry.register({ service: 's', provider: echo, name: 'after' })
    await settled()
    expect(registry.list().map(({ circuit }) => circuit.state)).toEqual(['open', 'open'])
    expect(said(heard)).toEqual([
      'provider.added before',
      'circuit.opened before',
      'provider.added after',
      'circuit.opened after',
    ])
    registry.circuit('before').reset()
    registry.unregister('after')
    await registry.close()
    expect((await store.load())?.circuits).toEqual([])
  })

  it('what happened before the store was read is newer than what is in it', async () => {
    const store = memoryStore(fixture('registry-2.0') as never)
    const { registry } = made({ store })
    registry.register({
      service: 'llm',
      provider: echo,
      name: 'openai',
      handler: 'SpeakHandler',
      version: '9.0',
      address,
    })
    await registry.start()
    expect(registry.get('openai')).toMatchObject({ version: '9.0', circuit: { state: 'open' } })
    await registry.flush()
    expect(registry.get('openai')?.strategy).toBe('fallback')
    await registry.close()
    expect((await store.load())?.providers[0]).toMatchObject({ version: '9.0' })
  })

  it('does not bring back what was removed while the store was read', async () => {
    const inner = memoryStore(fixture('registry-2.0') as never)
    let read = (): void => {}
    const gate = new Promise<void>((resolve) => {
      read = resolve
    })
    const store: Store = { ...inner, load: () => gate.then(() => inner.load()) }
    const { registry } = made({ store })
    const started = registry.start()
    registry.register({ service: 'llm', provider: echo, name: 'openai', address }).unregister()
    read()
    await started
    expect(registry.list()).toEqual([])
    await registry.close()
    expect((await inner.load())?.providers).toEqual([])
  })

  it('does not keep out by a verdict that nobody could correct', async () => {
    const store = memoryStore()
    const address = 'http://h'
    const first = made({ store })
    await first.registry.start()
    for (const name of ['connects', 'comes', 'stays'])
      first.registry.register({
        service: name,
        provider: {},
        name,
        address,
        health: { check: () => false },
      })
    await first.registry.healthCheckAll()
    await first.registry.close()
    const connect = async () => ({ isHealthy: () => true })
    const { registry } = made({ store, services: { connects: { connect } } })
    await registry.start()
    registry.register({ service: 'comes', provider: {}, name: 'comes', address })
    expect(await registry.getService('connects')).toBeDefined()
    expect(await registry.getService('comes')).toBeDefined()
    expect(registry.get('stays')).toMatchObject({ health: 'unhealthy', healthAgeMs: 0 })
    await registry.close()
  })

  it('drops a stored strategy that conflicts with a registered one', async () => {
    const store = memoryStore(fixture('registry-2.0') as never)
    const { registry } = made({ store })
    registry.register({
      service: 'llm',
      provider: echo,
      name: 'mine',
      handler: 'SpeakHandler',
      strategy: 'fallback',
    })
    await registry.start()
    expect(registry.get('openai')?.strategy).toBe('fallback')
    await registry.close()
  })

  it('rejects with what is wrong in the store, takes nothing over and writes nothing', async () => {
    const broken = {
      ...fixture('registry-2.0'),
      health: [{ provider: 'openai', status: 'fine', checkedAt: 1 }],
    }
    const applied = vi.fn(async () => {})
    const store: Store = {
      name: 'broken',
      load: async () => broken as never,
      apply: applied,
      close: async () => {},
    }
    const { registry, heard } = made({ store })
    await expect(registry.start()).rejects.toThrow(/health\[0\] \("openai"\)\.status/)
    expect(registry.list()).toEqual([])
    registry.register({ service: 's', provider: echo, name: 'a', address })
    await expect(registry.flush()).rejects.toThrow(/health\[0\]/)
    await settled()
    expect(said(heard)).toContain('store.failed')
    await registry.close()
    expect(applied).not.toHaveBeenCalled()
  })

  it('tells when the store cannot be written, keeps the change, and writes it when it can', async () => {
    const inner = memoryStore()
    let full = true
    const store: Store = {
      ...inner,
      apply: async (changes) => {
        if (full) throw new Error('disk full')
        await inner.apply(changes)
      },
    }
    const { registry, clock, heard } = made({ store })
    await registry.start()
    registry.register({ service: 's', provider: echo, name: 'a', address })
    await expect(registry.flush()).rejects.toThrow('disk full')
    expect(heard.filter(({ type }) => type === 'store.failed')).toMatchObject([
      { store: 'memory store', error: { message: 'disk full' } },
    ])
    full = false
    await clock.advance(60_000)
    await registry.flush()
    await registry.close()
    expect((await inner.load())?.providers).toHaveLength(1)
  })

  it('close rejects when the last change could not be written, and has closed all the same', async () => {
    const store: Store = {
      ...memoryStore(),
      apply: async () => {
        throw new Error('disk full')
      },
    }
    const { registry } = made({ store })
    await registry.start()
    registry.register({ service: 's', provider: echo, name: 'a', address })
    await expect(registry.close()).rejects.toThrow('disk full')
    expect(registry.list()).toEqual([])
    await expect(registry.close()).rejects.toThrow('disk full') // whoever asks is told
  })

  it('can be started again when the store has been put right', async () => {
    const inner = memoryStore(fixture('registry-2.0') as never)
    let broken = true
    const load = async () => {
      if (broken) throw new Error('unplugged')
      return inner.load()
    }
    const { registry } = made({ store: { ...inner, load } })
    await expect(registry.start()).rejects.toThrow('unplugged')
    await expect(registry.flush()).rejects.toThrow('unplugged')
    broken = false
    await registry.start()
    await registry.flush()
    expect(registry.list().map(({ name }) => name)).toEqual(['openai'])
    await registry.close()
  })

  it('asks for start before flush, and does without both where there is no store', async () => {
    const { registry } = made({ store: memoryStore() })
    await expect(registry.flush()).rejects.toThrow('call start() first')
    const plain = made().registry
    await plain.start()
    await plain.flush()
  })

  it('does not lose what a listener changes while the store is read', async () => {
    const store = memoryStore(fixture('registry-2.0') as never)
    const { registry } = made({ store })
    registry.on('provider.added', ({ provider }) => {
      if (provider === 'openai')
        registry.register({ service: 's', provider: echo, name: 'late', address })
    })
    await registry.start()
    await registry.close()
    expect((await store.load())?.providers.map(({ name }) => name)).toEqual(['openai', 'late'])
  })
})
