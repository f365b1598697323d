import { describe, expect, it } from 'vitest'
import type { Source, View } from '../../src/discovery/source.js'
import type { CheckReport, RegistryEvent, ServiceRegistry } from '../../src/index.js'
import { memoryStore } from '../../src/store/index.js'
import { heardScene, scene } from './scene.js'

type Registry = ServiceRegistry<Record<string, object>>

/** A provider whose check answers with what is said last. */
function asked(made: { readonly registry: Registry }, first: CheckReport | boolean) {
  let answer = first
  made.registry.register({
    service: 'llm',
    name: 'a',
    provider: {},
    health: { check: () => answer },
  })
  const says = async (next: CheckReport | boolean): Promise<void> => {
    answer = next
    await made.registry.healthCheckAll()
  }
  return { says, view: () => made.registry.get('a') }
}

const report = (rest: Partial<CheckReport> = {}): CheckReport => ({ status: 'healthy', ...rest })
const everything = {
  version: '2.0',
  api_version: '1',
  models: ['m'],
  features: ['chat'],
  limits: { n: 1 },
}

describe('the load', () => {
  it('is what the last check said, with its age; nothing of it stays when the next one is silent', async () => {
    const made = scene()
    const { says, view } = asked(made, true)
    expect(view()).toMatchObject({ load: undefined })
    await says(report({ load: 0.7 }))
    await made.clock.advance(1_200)
    expect(view()).toMatchObject({ load: 0.7, healthAgeMs: 1_200 })
    await says(report({ load: 0 }))
    expect(view()).toMatchObject({ load: 0, healthAgeMs: 0 })
    await says(report({ version: '1' }))
    expect(view()?.load).toBeUndefined()
    for (const silent of [true, false, report({ status: 'unhealthy' })]) {
      await says(report({ load: 0.7 }))
      await says(silent)
      expect(view()?.load).toBeUndefined()
    }
    await says(report({ status: 'unhealthy', load: 1 }))
    expect(view()).toMatchObject({ health: 'unhealthy', load: 1 })
  })

  it('is taken from health answers, and passes what cannot be read by', async () => {
    const made = scene()
    const { says, view } = asked(made, true)
    expect(made.registry.updateFromHealth('a', { load: '30%' }).load).toBe(0.3)
    expect(made.registry.updateFromHealth('a', { version: '1' }).load).toBeUndefined()
    await says(report({ load: 73, version: '2' }))
    expect(view()).toMatchObject({ health: 'healthy', version: '2', load: undefined })
  })

  it('is no change of the record: nobody is told, nothing is written', async () => {
    const store = memoryStore()
    const made = heardScene({ store })
    const { says, view } = asked(made, report({ load: 0.1 }))
    await made.registry.start()
    await says(report({ load: 0.1 }))
    await made.registry.flush()
    const before = JSON.stringify(made.registry.export())
    made.events.length = 0
    for (const load of [0.2, 0.9, 0]) await says(report({ load }))
    expect(view()?.load).toBe(0)
    expect(made.events).toEqual([])
    expect(JSON.stringify(made.registry.export())).toBe(before)
    expect(before).not.toMatch(/load|probed/)
    await made.registry.close()
  })

  it('is forgotten with the instance, and stays when only the record is another', async () => {
    const made = scene()
    const { says, view } = asked(made, true)
    await says(report({ load: 0.7 }))
    made.registry.setPriority('a', 'high')
    made.registry.update('a', { version: '3' })
    expect(view()).toMatchObject({ version: '3', load: 0.7 })
    made.registry.register({ service: 'llm', name: 'a', provider: {}, replace: true })
    expect(view()?.load).toBeUndefined()

    await made.registry.updateFromHealth('a', { load: 0.4 })
    const heard: (number | undefined)[] = []
    made.registry.on('provider.removed', (event) => void heard.push(event.view.load))
    made.registry.unregister('a')
    made.registry.register({ service: 'llm', name: 'a', provider: {} })
    expect([heard, view()?.load]).toEqual([[0.4], undefined])
  })
})

describe('what was probed', () => {
  it('is empty for everybody who said nothing, and one list for all', async () => {
    const made = scene()
    const { says, view } = asked(made, true)
    made.registry.register({ service: 'llm', name: 'b', provider: {}, version: '1' })
    await says(true)
    await says(report({ load: 0.5 }))
    await says(true)
    expect(view()?.probed).toBe(made.registry.get('b')?.probed)
    await says(report({ capabilities: ['telepathy'] }))
    made.registry.updateFromHealth('b', { features: { telepathy: true }, models: 'none' })
    await says(true)
    expect(view()?.probed).toEqual(['capabilities'])
    expect(made.registry.get('b')?.probed).toEqual([])
    made.registry.register({ service: 'llm', name: 'c', provider: {} })
    expect(made.registry.get('c')?.probed).toBe(made.registry.get('b')?.probed)
    for (const name of ['a', 'b'])
      expect(Object.isFrozen(made.registry.get(name)?.probed)).toBe(true)
  })

  it('names what checks and health answers have said, sorted, one after the other', async () => {
    const made = scene()
    const { says, view } = asked(made, true)
    await says(report({ version: '1' }))
    expect(view()?.probed).toEqual(['version'])
    await says(report({ models: [], limits: {} }))
    expect(view()?.probed).toEqual(['limits', 'models', 'version'])
    await says(false)
    expect(view()?.probed).toEqual(['limits', 'models', 'version'])
    made.registry.updateFromHealth('a', { api_version: '2', features: { chat: false } })
    expect(view()?.probed).toEqual(['apiVersion', 'capabilities', 'limits', 'models', 'version'])
  })

  it('counts what was declared and is confirmed', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {}, version: '1', models: ['m'] })
    expect(registry.updateFromHealth('a', { version: '1' }).probed).toEqual(['version'])
  })

  it('ends where code says what it is, the same or another', () => {
    const { registry } = scene()
    const a = { service: 'llm', name: 'a', provider: {} }
    registry.register(a)
    registry.updateFromHealth('a', everything)
    registry.update('a', { weight: 2 })
    registry.setPriority('a', 'low')
    expect(registry.get('a')?.probed).toHaveLength(5)
    registry.update('a', { version: '2.0', models: ['other'] })
    expect(registry.get('a')?.probed).toEqual(['apiVersion', 'capabilities', 'limits'])
    expect(() => registry.update('a', { limits: 7 as never })).toThrow(/limits/)
    expect(registry.get('a')?.probed).toHaveLength(3)
    registry.register({ ...a, apiVersion: '1', replace: true })
    registry.register({ service: 'llm', name: 'never asked', provider: {} })
    expect(registry.get('a')?.probed).toEqual([])
    expect(registry.get('a')?.probed).toBe(registry.get('never asked')?.probed)
    registry.updateFromHealth('a', everything)
    registry.register({ ...a, provider: {}, replace: true })
    expect(registry.get('a')?.probed).toEqual([])
  })

  it('shows in both views of a change', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {} })
    const told: unknown[] = []
    registry.on('provider.changed', ({ view, previous }) => {
      told.push([previous.probed, view.probed])
    })
    registry.updateFromHealth('a', { version: '1' })
    registry.update('a', { version: '2' })
    expect(told).toEqual([
      [[], ['version']],
      [['version'], []],
    ])
  })

  it('ends where a source or an import says something else, and not where it says the same', async () => {
    const views: View[] = []
    const source: Source = {
      name: 'told',
      async *watch() {
        yield views.shift() ?? []
      },
    }
    const { registry } = scene({ sources: [source] })
    const see = async (rest: object): Promise<readonly string[] | undefined> => {
      views.push([{ service: 'llm', name: 's', address: 'http://s', ...rest }])
      await registry.refresh('told')
      return registry.get('s')?.probed
    }
    expect(await see({ version: '1', models: ['m'] })).toEqual([])
    registry.updateFromHealth('s', { version: '2', models: ['m'] })
    expect(await see({ version: '1', models: ['m'] })).toEqual(['models', 'version'])
    expect(await see({ version: '1', models: ['m'], metadata: { x: 1 } })).toEqual(['models'])

    registry.updateFromHealth('s', { version: '3', models: ['m'] })
    const snapshot = registry.export()
    const imported = (rest: object): unknown => ({
      ...snapshot,
      providers: snapshot.providers.map((one) => ({ ...one, ...rest })),
    })
    registry.import(imported({ models: ['n'] }))
    expect(registry.get('s')?.probed).toEqual(['version'])
    const [one] = snapshot.providers
    const broken = { ...one, name: 'other', strategy: 'sticky' }
    const conflict = { ...one, name: 'third', strategy: 'random' }
    const before = registry.get('s')
    expect(() =>
      registry.import({ ...snapshot, providers: [{ ...one, version: '9' }, broken, conflict] }),
    ).toThrow(/strategy/)
    expect(registry.get('s')).toEqual(before)
    await registry.close()
  })
})

describe('one turn', () => {
  const turn = async (learn: (made: ReturnType<typeof heardScene>) => unknown) => {
    const made = heardScene({ circuit: { failureThreshold: 1 } })
    made.registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      health: {
        check: () => ({ status: 'degraded', version: '2', models: ['m'], load: 0.5 }) as const,
      },
    })
    made.events.length = 0
    await learn(made)
    return made
  }
  const brief = (event: RegistryEvent): unknown => {
    if (event.type !== 'provider.changed') return event.type
    return [event.previous, event.view].map(({ health, version, load, probed }) => [
      health,
      version,
      load,
      probed.length,
    ])
  }

  it.each<[string, (made: ReturnType<typeof heardScene>) => unknown]>([
    ['a check', ({ registry }) => registry.healthCheckAll()],
    [
      'a health answer',
      ({ registry }) =>
        registry.updateFromHealth('a', { status: 'warn', version: '2', models: ['m'], load: 0.5 }),
    ],
  ])(
    '%s: the change shows record and health before and after, then the health is told',
    async (_, learn) => {
      const { events, registry } = await turn(learn)
      expect(events.map(brief)).toEqual([
        [
          ['unknown', undefined, undefined, 0],
          ['degraded', '2', 0.5, 2],
        ],
        'provider.health-changed',
      ])
      const [changed] = events
      expect(changed?.type === 'provider.changed' && changed.view).toEqual(registry.get('a'))
      events.length = 0
      await learn({ registry, events } as ReturnType<typeof heardScene>)
      expect(events).toEqual([])
    },
  )

  it('a bad answer: the circuit opens, and the change shows that as well', async () => {
    const { events, registry } = await turn(({ registry }) =>
      registry.updateFromHealth('a', { status: 'down', version: '2' }),
    )
    expect(events.map(({ type }) => type)).toEqual([
      'circuit.opened',
      'provider.changed',
      'provider.health-changed',
    ])
    const changed = events[1]
    expect(changed?.type === 'provider.changed' && changed.view.circuit.state).toBe('open')
    expect(changed?.type === 'provider.changed' && changed.previous.circuit.state).toBe('closed')
    expect(registry.resolve('llm')).toBeUndefined()
  })

  it('tells those who depend on it when its health is another and its record is the same', () => {
    const { registry } = heardScene()
    registry.register({ service: 'llm', name: 'a', provider: {} })
    registry.register({ service: 'chat', name: 'b', provider: {}, dependencies: ['a'] })
    registry.updateFromHealth('a', { status: 'starting' })
    expect(registry.get('b')).toMatchObject({ health: 'degraded' })
    registry.updateFromHealth('a', { status: 'ok', version: '1' })
    expect(registry.get('b')).toMatchObject({ health: 'unknown' })
  })
})
