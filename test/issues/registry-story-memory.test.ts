/*
 * Traps of the service registry story (S012) about memory, events and health. Some are shown in more
 * depth in `registry/`, `properties/`, `store/` and `process/`; here is one of each.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  CorruptSnapshotError,
  type RegistryEvent,
  UnsupportedSnapshotError,
} from '../../src/index.js'
import { fileStore } from '../../src/store/index.js'
import { type Scene, scene } from '../registry/scene.js'

const fixture = async (name: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'))

/** Everything that happens from now on. */
function listening({ registry }: Scene): RegistryEvent[] {
  const heard: RegistryEvent[] = []
  for (const type of [
    'provider.added',
    'provider.changed',
    'provider.removed',
    'provider.health-changed',
    'capability.added',
    'capability.removed',
    'model.added',
    'model.changed',
    'circuit.opened',
  ] as const)
    registry.on(type, (event) => void heard.push(event))
  return heard
}

const video = (...capabilities: string[]) => ({
  service: 'video',
  name: 'wan2gp',
  provider: {},
  address: 'http://127.0.0.1:7860',
  capabilities,
})

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'switchgear-story-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

describe('B-S1: what new metadata no longer has is found no more', () => {
  const ways: Record<string, (s: Scene) => unknown> = {
    'registered anew': ({ registry }) => registry.register({ ...video('b'), replace: true }),
    imported: ({ registry }) => {
      const out = registry.export()
      registry.import({
        ...out,
        providers: out.providers.map((one) => ({ ...one, capabilities: [{ name: 'b' }] })),
      })
    },
  }
  for (const [way, change] of Object.entries(ways))
    it(`when it is ${way}`, () => {
      const s = scene()
      s.registry.register(video('a', 'b'))
      expect(s.registry.resolve('video', { requires: ['a'] })?.provider).toBe('wan2gp')
      const heard = listening(s)
      change(s)
      expect(s.registry.list({ capability: 'a' })).toEqual([])
      expect(s.registry.resolve('video', { requires: ['a'] })).toBeUndefined()
      expect(s.registry.list({ capability: 'b' })).toHaveLength(1)
      expect(heard.map(({ type }) => type)).toEqual(['provider.changed', 'capability.removed'])
    })

  it('when a health answer says so, or it has left', () => {
    const s = scene()
    s.registry.register(video('chat', 'vision'))
    s.registry.updateFromHealth('wan2gp', { features: ['chat'] })
    expect(s.registry.list({ capability: 'vision' })).toEqual([])
    s.registry.unregister('wan2gp')
    expect(s.registry.list({ capability: 'chat' })).toEqual([])
  })
})

describe('B-S2: the same content twice is one event', () => {
  it('of a health answer, a registration, an import and a model', async () => {
    const s = scene()
    const { registry } = s
    const heard = listening(s)
    const answer = {
      status: 'ok',
      version: '1.2',
      features: ['chat'],
      models: ['m'],
      limits: { n: 1 },
    }
    const twice: readonly (() => unknown)[] = [
      () => registry.register({ ...video('b'), metadata: { deep: [{ a: 1 }] }, replace: true }),
      () => registry.updateFromHealth('wan2gp', structuredClone(answer)),
      () => registry.models.register({ id: 'm', provider: 'p', contextLength: 8 }),
      () => registry.import(registry.export()),
    ]
    for (const change of twice) {
      change()
      const told = heard.length
      await s.clock.advance(1_000) // time alone is no change
      change()
      expect(heard.slice(told).map(({ type }) => type)).toEqual([])
    }
    expect(heard.map(({ type }) => type)).toEqual([
      'provider.added',
      'capability.added',
      'provider.changed',
      'capability.added',
      'provider.health-changed',
      'model.added',
    ])
  })
})

describe('B-S4: past schemas are read, future ones refused', () => {
  const old = { version: '0.9', backends: [{ id: 'comfyui', caps: ['image_generation'] }] }
  const migrations = [
    {
      from: '0.9',
      to: '1.0',
      migrate: ({ backends }: Readonly<Record<string, unknown>>) => ({
        timestamp: '2025-06-01T00:00:00Z',
        services: Object.fromEntries(
          (backends as typeof old.backends).map(({ id, caps }) => [
            id,
            { version: 'unknown', capabilities: caps.map((name) => ({ name })) },
          ]),
        ),
      }),
    },
  ]

  it('0.9 through a migration of the user, then those of the product', () => {
    const { registry } = scene({ migrations })
    expect(registry.import(old)).toEqual({ added: ['comfyui'], changed: [] })
    expect(registry.list({ capability: 'image_generation' })).toHaveLength(1)
  })

  it('a version of the future, or of nobody, leaves the registry as it was', async () => {
    const s = scene()
    s.registry.register(video('a'))
    const before = s.registry.export({ secrets: true })
    const heard = listening(s)
    for (const [document, message] of [
      [{ ...before, schemaVersion: '3.0' }, 'Unsupported registry version: 3.0'],
      [old, 'Unsupported registry version: 0.9'],
      [{ ...(await fixture('registry-1.0')), version: '1.1' }, 'Unsupported registry version: 1.1'],
    ] as const) {
      expect(() => s.registry.import(document)).toThrow(UnsupportedSnapshotError)
      expect(() => s.registry.import(document)).toThrow(message)
    }
    expect(s.registry.export({ secrets: true })).toEqual(before)
    expect(heard).toEqual([])
  })

  it('in a file of the store, too, which is not written over', async () => {
    const path = join(await folder(), 'registry.json')
    const future = JSON.stringify({ schemaVersion: '3.0', providers: [{ new: true }] })
    await writeFile(path, future)
    const { registry } = scene({ store: fileStore(path) })
    await expect(registry.start()).rejects.toThrow('Unsupported registry version: 3.0')
    registry.register(video('a'))
    await registry.close()
    expect(await readFile(path, 'utf8')).toBe(future)
  })
})

describe('B-S5: a listener may call back into the registry', () => {
  it('of any part, at any event, and sees each change whole', () => {
    const s = scene()
    const { registry } = s
    const seen: string[] = []
    registry.on('provider.added', ({ provider }) => {
      seen.push(`added ${provider}: ${registry.list().map(({ name }) => name)}`)
      if (provider !== 'a') return
      registry.register({ service: 's', name: 'b', provider: {}, capabilities: ['chat'] })
      registry.models.register({ id: 'm', provider: 'a' })
      registry.circuit('a').isolate()
      registry.import(registry.export())
      registry.unregister('a')
    })
    registry.on('capability.added', ({ provider }) => void seen.push(`${provider} can`))
    registry.on('model.added', ({ model }) => void seen.push(`model ${model.id}`))
    registry.on('circuit.opened', ({ provider }) => void seen.push(`${provider} opened`))
    registry.on('provider.removed', ({ provider }) => void seen.push(`removed ${provider}`))
    registry.register({ service: 's', name: 'a', provider: {}, capabilities: ['chat'] })
    expect(seen).toEqual([
      'added a: a',
      'a can',
      'added b: b',
      'b can',
      'model m',
      'a opened',
      'removed a',
    ])
  })
})

describe('B-S6: what was saved stays whole', () => {
  it('a restart finds what was flushed, and a damaged file is set aside, not written over', async () => {
    const place = await folder()
    const path = join(place, 'registry.json')
    const first = scene({ store: fileStore(path) }).registry
    await first.start()
    first.register(video('a'))
    first.circuit('wan2gp').isolate('maintenance')
    await first.flush()
    await first.close()

    const second = scene({ store: fileStore(path) }).registry
    await second.start()
    expect(second.get('wan2gp')).toMatchObject({
      address: 'http://127.0.0.1:7860',
      circuit: { state: 'open', reason: 'maintenance' },
    })
    await second.close()

    const main = (await readdir(place)).includes('registry.json') ? path : `${path}.log`
    const whole = await readFile(main)
    const damaged = whole.subarray(0, whole.length - 20)
    await writeFile(main, damaged)
    const third = scene({ store: fileStore(path) }).registry
    await expect(third.start()).rejects.toThrow(CorruptSnapshotError)
    expect(third.list()).toEqual([])
    await third.close()
    const kept = (await readdir(place)).filter((name) => name.includes('.corrupt-'))
    const contents = await Promise.all(kept.map((name) => readFile(join(place, name))))
    expect(contents.some((one) => one.equals(damaged))).toBe(true)
  })
})

it('B-S7: who says it is not well is not chosen until it says otherwise', () => {
  const { registry } = scene()
  registry.register(video('a'))
  const chosenAfter = (body: object): string | undefined => {
    registry.updateFromHealth('wan2gp', body)
    return registry.resolve('video')?.provider
  }
  expect(chosenAfter({ version: '1.0' })).toBe('wan2gp')
  for (const body of [{ ok: false }, { error: 'CUDA out of memory' }, { status: 'starting' }])
    expect(chosenAfter({ version: '1.0', ...body }), JSON.stringify(body)).toBeUndefined()
  expect(chosenAfter({ status: 'degraded' })).toBe('wan2gp')
})

describe('B-S9: everything can be written down, and is read back whole or not at all', () => {
  it('an export is JSON, its times included', () => {
    const { registry } = scene({}, 1_790_000_000_000)
    registry.register(video('a'))
    registry.circuit('wan2gp').trip(5_000)
    registry.updateFromHealth('wan2gp', { status: 'degraded' })
    registry.models.register({ id: 'm', provider: 'p', contextLength: 8 })
    const out = registry.export()
    expect(JSON.parse(JSON.stringify(out))).toEqual(out)
    expect(new Date(out.savedAt).toISOString()).toBe(out.savedAt)
  })

  it('a bad third entry of any section leaves everything as it was, and is named', () => {
    const s = scene()
    const { registry } = s
    registry.register(video('a'))
    const before = registry.export({ secrets: true })
    const heard = listening(s)
    const [one] = before.providers
    const named = (name: string) => ({ ...one, name })
    const circuit = (provider: string) => ({ provider, state: 'open', failures: 0, retryAt: null })
    const bad: Record<string, readonly unknown[]> = {
      providers: [named('b'), named('c'), { ...named('d'), weight: 'heavy' }],
      models: [before, before, before],
      capabilities: [{ name: 'x', version: '1.0', parameters: {} }, null, 7],
      circuits: [circuit('b'), circuit('c'), { ...circuit('d'), state: 'ajar' }],
      health: [2, 1].map((provider) => ({ provider })),
    }
    for (const [section, entries] of Object.entries(bad)) {
      const last = `${section}[${entries.length - 1}]`
      const document = { ...before, providers: [named('new')], [section]: entries }
      expect(() => registry.import(document), section).toThrow(CorruptSnapshotError)
      expect(() => registry.import(document), section).toThrow(last)
    }
    expect(registry.export({ secrets: true })).toEqual(before)
    expect(heard).toEqual([])
  })
})
