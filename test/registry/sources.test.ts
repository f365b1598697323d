import { describe, expect, it } from 'vitest'
import { settled } from '../../src/core/clock.js'
import type { Source, View } from '../../src/discovery/source.js'
import type { ProviderRecord } from '../../src/index.js'
import { InvalidOptionsError, type RegistryEvent, type ServiceRegistry } from '../../src/index.js'
import { memoryStore } from '../../src/store/index.js'
import { scene } from './scene.js'

type Step = View | Error

/** A source that says what it is told to say, when it is told. */
class Told implements Source {
  readonly name: string
  watches = 0
  #next: ((step: Step | undefined) => void) | undefined
  readonly #ahead: (Step | undefined)[] = []

  constructor(name = 'told') {
    this.name = name
  }

  /** `undefined` ends it. */
  async say(step: Step | undefined): Promise<void> {
    if (this.#next === undefined) this.#ahead.push(step)
    else this.#next(step)
    this.#next = undefined
    for (let turn = 0; turn < 3; turn++) await settled()
  }

  async *watch(signal: AbortSignal): AsyncGenerator<View> {
    this.watches += 1
    while (!signal.aborted) {
      const step = await new Promise<Step | undefined>((resolve) => {
        if (this.#ahead.length > 0) resolve(this.#ahead.shift())
        else this.#next = resolve
        const end = (): void => {
          this.#next = undefined
          resolve(undefined)
        }
        signal.addEventListener('abort', end, { once: true })
      })
      if (signal.aborted || step === undefined) return
      if (step instanceof Error) throw step
      yield step
    }
  }
}

const at = (name: string, rest: object = {}) => ({
  service: 'llm',
  name,
  address: `http://${name}`,
  ...rest,
})

async function started(options: Parameters<typeof scene>[0] = {}) {
  const source = new Told()
  const s = scene({ sources: [source], ...options })
  const told: string[] = []
  const note = (event: RegistryEvent): void => {
    if (event.type === 'source.updated') {
      const { added, changed, missing, removed } = event
      told.push(`+${added} ~${changed} ?${missing} -${removed}`)
    } else if (event.type === 'source.rejected')
      told.push(`rejected ${event.sighting}: ${event.error}`)
    else if (event.type === 'source.failed') told.push(`failed: ${event.error}`)
  }
  for (const type of ['source.updated', 'source.rejected', 'source.failed'] as const)
    s.registry.on(type, note)
  await s.registry.start()
  return { ...s, source, told }
}

const names = (registry: Pick<ServiceRegistry, 'list'>): string[] =>
  registry.list().map(({ name, health }) => `${name} ${health}`)

describe('a source', () => {
  it('adds, changes and removes what it sees, in one turn each', async () => {
    const { registry, source, told, clock } = await started()
    const turns: number[] = []
    registry.on('provider.added', () => void turns.push(registry.list().length))
    await source.say([at('a'), at('b')])
    expect(turns).toEqual([2, 2])
    await source.say([at('a', { version: '2.0' }), at('c')])
    expect(registry.get('a')).toMatchObject({ version: '2.0', origin: 'told' })
    expect(names(registry)).toEqual(['a unknown', 'b unhealthy', 'c unknown'])
    await clock.advance(60_000)
    expect(names(registry)).toEqual(['a unknown', 'c unknown'])
    expect(told).toEqual(['+a,b ~ ? -', '+c ~a ?b -', '+ ~ ? -b'])
    await source.say([at('a', { version: '2.0' }), at('c')])
    expect(told).toHaveLength(3)
    await registry.close()
  })

  it('takes back one that comes again within its grace', async () => {
    const { registry, source, clock } = await started()
    await source.say([at('a'), at('b')])
    await source.say([at('a')])
    await clock.advance(59_999)
    await source.say([at('a'), at('b')])
    await clock.advance(120_000)
    expect(names(registry)).toEqual(['a unknown', 'b unknown'])
    await registry.close()
  })

  it('does not take back what was learned since, while it says the same', async () => {
    const { registry, source, told } = await started()
    const view = () => [at('a', { models: ['m'] }), at('b')]
    await source.say(view())
    registry.updateFromHealth('a', { status: 'ok', version: '7', models: ['m', 'n'] })
    registry.update('b', { weight: 3 })
    await source.say(view())
    expect(registry.get('a')).toMatchObject({ version: '7', models: ['m', 'n'] })
    expect(registry.get('b')?.weight).toBe(3)
    await source.say([at('a', { models: ['o'] }), at('b')])
    expect(registry.get('a')?.models).toEqual(['o'])
    expect(told).toEqual(['+a,b ~ ? -', '+ ~a ? -'])
  })

  it('gives again what code took away, and one that was missing, though it says the same', async () => {
    const { registry, source, told } = await started()
    const view = () => [at('a', { health: 'healthy' }), at('b', { health: 'healthy' })]
    await source.say(view())
    registry.unregister('a')
    await source.say(view())
    expect(names(registry)).toEqual(['b healthy', 'a healthy'])
    await source.say(view().slice(1))
    expect(names(registry)).toEqual(['b healthy', 'a unhealthy'])
    await source.say(view())
    expect(names(registry)).toEqual(['b healthy', 'a healthy'])
    expect(told).toEqual(['+a,b ~ ? -', '+a ~ ? -', '+ ~ ?a -'])
  })

  it('is seen to change the objects that it gave before', async () => {
    const { registry, source } = await started()
    const one = { ...at('a'), metadata: { slots: 1 } }
    const view = [one]
    await source.say(view)
    one.metadata.slots = 2
    await source.say(view)
    expect(registry.get('a')?.metadata).toEqual({ slots: 2 })
  })

  it('is not believed that all is gone until it says so twice, or knows (row 45)', async () => {
    const { registry, source, told } = await started()
    await source.say([at('a')])
    await source.say([])
    expect(names(registry)).toEqual(['a unknown'])
    await source.say([at('a')])
    await source.say([])
    await source.say([])
    expect(names(registry)).toEqual(['a unhealthy'])
    await source.say([at('a')])
    await source.say({ sightings: [], authoritative: true })
    expect(names(registry)).toEqual(['a unhealthy'])
    expect(told.at(-1)).toBe('+ ~ ?a -')
    await registry.close()
  })

  it('keeps its last good view while it fails, and is asked again, later each time', async () => {
    const { registry, source, told, clock } = await started()
    await source.say([at('a'), at('b')])
    await source.say([at('a')])
    await source.say(new Error('unplugged'))
    expect(registry.describe().sources?.told).toMatchObject({
      state: 'failing',
      providers: 2,
      lastError: 'unplugged',
    })
    await clock.advance(59_000) // b's grace ends here, but nobody looks
    await source.say(new Error('unplugged'))
    await clock.advance(600_000)
    expect(names(registry)).toEqual(['a unknown', 'b unhealthy'])
    expect(told.filter((line) => line.startsWith('failed')).length).toBeGreaterThanOrEqual(2)
    await source.say([at('a')])
    expect(names(registry)).toEqual(['a unknown'])
    expect(registry.describe().sources?.told).toMatchObject({
      state: 'live',
      providers: 1,
      lastSuccessAgeMs: 0,
    })
    await registry.close()
  })

  it('counts as unwell after staleAfterMs without a good view, and removes nothing', async () => {
    const { registry, source, clock } = await started({ discovery: { staleAfterMs: 5_000 } })
    await source.say([at('a')])
    await source.say(new Error('unplugged'))
    await clock.advance(5_000)
    expect(names(registry)).toEqual(['a unhealthy'])
    await clock.advance(10_000_000)
    expect(names(registry)).toEqual(['a unhealthy'])
    await source.say([at('a')])
    expect(names(registry)).toEqual(['a unknown'])
    await registry.close()
  })

  it('leaves alone what others registered, and says once that the name is taken', async () => {
    const { registry, source, told } = await started()
    registry.register({ service: 'llm', name: 'a', provider: {}, version: '1.0' })
    for (let view = 0; view < 3; view++) await source.say([at('a', { version: '9.0' }), at('b')])
    expect(registry.get('a')).toMatchObject({ version: '1.0', origin: 'manual' })
    await source.say([at('b')])
    expect(registry.get('a')).toBeDefined()
    expect(told).toEqual([
      'rejected a: Error: its name is taken by a provider of "manual"',
      '+b ~ ? -',
    ])
    await registry.close()
  })

  it('gives up one that code registers', async () => {
    const { registry, source } = await started()
    await source.say([at('a'), at('b')])
    registry.register({ service: 'llm', name: 'a', provider: { mine: true } })
    await source.say([at('b')])
    expect(registry.get('a')).toMatchObject({ origin: 'manual', health: 'unknown' })
    await registry.close()
  })

  it('is refused what is wrong, entry by entry; the rest counts', async () => {
    const { registry, source, told } = await started()
    const odd = [
      null,
      7,
      {},
      at('x', { weight: -1 }),
      at('x', { plugin: 1 }),
      at('y', { health: 'fine' }),
    ]
    await source.say([...odd, at('a'), at('a', { version: '2.0' })] as never)
    expect(names(registry)).toEqual(['a unknown'])
    expect(told.slice(0, -1).join('\n')).toMatch(
      /expected a sighting, got null[\s\S]*weight[\s\S]*plugin/,
    )
    expect(told.join('\n')).toMatch(/health[\s\S]*it is in the view twice/)
    expect(told.at(-1)).toBe('+a ~ ? -')
    await registry.close()
  })

  it('keeps one that it described badly for once', async () => {
    const { registry, source, told } = await started()
    await source.say([at('a', { version: '1.0' })])
    await source.say([at('a', { version: 7 })])
    expect(registry.get('a')).toMatchObject({ version: '1.0', health: 'unknown' })
    await source.say([])
    await source.say([])
    expect(names(registry)).toEqual(['a unhealthy'])
    expect(told[1]).toMatch(/rejected a: .*version/s)
    await registry.close()
  })

  it.each([undefined, 7, {}, 'all', { sightings: 'all' }])(
    'fails when it yields %j, which is no view',
    async (view) => {
      const { registry, source, told } = await started()
      await source.say([at('a')])
      if (view !== undefined) await source.say(view as never)
      if (view !== undefined) expect(told.at(-1)).toMatch(/failed: TypeError: it gave no view/)
      expect(names(registry)).toEqual(['a unknown'])
      await registry.close()
    },
  )

  it('may end: what it gave stays, and refresh asks it again', async () => {
    const { registry, source } = await started()
    await source.say([at('a')])
    await source.say(undefined)
    expect(registry.describe().sources?.told).toMatchObject({ state: 'ended', providers: 1 })
    const seen = registry.refresh('told')
    await source.say([at('a'), at('b')])
    await seen
    expect(names(registry)).toEqual(['a unknown', 'b unknown'])
    await registry.close()
  })

  it('that ends without a view has failed', async () => {
    const { registry, source, told } = await started()
    await source.say(undefined)
    expect(told).toEqual(['failed: Error: it ended without a view'])
    await registry.close()
  })

  it('says what it knows about health, and is believed when that changes', async () => {
    const { registry, source } = await started()
    await source.say([at('a', { health: 'loading' })])
    expect(names(registry)).toEqual(['a loading'])
    await source.say([at('a', { health: 'healthy' })])
    expect(names(registry)).toEqual(['a healthy'])
    await registry.close()
  })

  it('gives providers that the connect of their service makes callable', async () => {
    const connect = async ({ address }: { address: string | undefined }) => ({
      where: async () => address,
    })
    const { registry, source } = await started({ services: { llm: { connect } } })
    await source.say([at('a')])
    const client = registry.client('llm') as { where(): Promise<string> }
    expect(await client.where()).toBe('http://a')
    await registry.close()
  })
})

describe('sources of a registry', () => {
  it('are added while it runs, and removed with all that they gave', async () => {
    const { registry } = await started()
    const other = new Told('other')
    const remove = registry.addSource(other)
    await other.say([at('o')])
    expect(names(registry)).toEqual(['o unknown'])
    expect([remove(), remove()]).toEqual([true, false])
    expect(names(registry)).toEqual([])
    expect(Object.keys(registry.describe().sources ?? {})).toEqual(['told'])
    await registry.close()
  })

  it('are refused when they are none, or have a name that is taken', async () => {
    const { registry } = await started()
    for (const source of [undefined, null, {}, { name: 'x' }, { name: '', watch() {} }])
      expect(() => registry.addSource(source as never)).toThrow(InvalidOptionsError)
    expect(() => registry.addSource(new Told())).toThrow(/"told" is a source already/)
    expect(() => registry.addSource(new Told('manual'))).toThrow(/that of what code registers/)
    await expect(registry.refresh('nobody')).rejects.toThrow(/name of a source \(told\)/)
    await registry.close()
  })

  it('look again on refresh; it rejects with what a source throws', async () => {
    const { registry, source } = await started()
    await source.say([at('a')])
    const seen = registry.refresh()
    await source.say([at('a'), at('b')])
    await seen
    expect(source.watches).toBe(2)
    const failed = registry.refresh('told')
    await Promise.all([
      expect(failed).rejects.toThrow('unplugged'),
      source.say(new Error('unplugged')),
    ])
    await registry.close()
  })

  it('are left behind when they do not mind the signal', async () => {
    let asked = 0
    const deaf: Source = {
      name: 'deaf',
      async *watch() {
        asked += 1
        yield [at(`a${asked}`)]
        await new Promise(() => {})
      },
    }
    const { registry } = scene({ sources: [deaf] })
    await registry.start()
    await settled()
    await registry.refresh()
    expect(asked).toBe(2)
    await registry.close()
    expect(names(registry)).toEqual([])
  })

  it('are written to the store when they see something else, and only then', async () => {
    const inner = memoryStore()
    const groups: number[] = []
    const store = {
      ...inner,
      apply: (changes: Parameters<typeof inner.apply>[0]) => {
        groups.push(changes.length)
        return inner.apply(changes)
      },
    }
    const { registry, source } = await started({ store })
    const view = ['a', 'b', 'c'].map((name) => at(name, { circuit: { failureThreshold: 3 } }))
    await source.say(view)
    await source.say(view)
    await source.say([...view.slice(1), at('a', { circuit: { failureThreshold: 4 } })])
    await registry.flush()
    expect(groups).toEqual([3, 1])
    await registry.close()
  })

  it('remember over a restart what they gave, and remove it when it is not there any more', async () => {
    const store = memoryStore()
    const first = await started({ store })
    await first.source.say([at('a'), at('b')])
    await first.registry.close()
    const second = await started({ store })
    expect(names(second.registry)).toEqual(['a unknown', 'b unknown'])
    await second.source.say([at('a')])
    expect(names(second.registry)).toEqual(['a unknown', 'b unhealthy'])
    await second.clock.advance(60_000)
    expect(names(second.registry)).toEqual(['a unknown'])
    await second.registry.close()
  })

  it('keep no process alive and leave nothing behind after close', async () => {
    const { registry, source, clock } = await started()
    await source.say([at('a')])
    await source.say(new Error('unplugged'))
    await registry.close()
    const { watches } = source
    await clock.advance(1_000_000)
    expect(source.watches).toBe(watches)
  })
})

describe('a sighting that can be called', () => {
  const connecting = (made: string[]) => (record: ProviderRecord) => {
    made.push(`${record.name} ${record.address}`)
    return { where: () => record.address }
  }

  it('is called through its own connect, which is used once', async () => {
    const made: string[] = []
    const connect = connecting(made)
    const { registry, source } = await started()
    await source.say([at('a', { connect })])
    const client = registry.client('llm') as unknown as { where(): Promise<string> }
    expect([await client.where(), await client.where()]).toEqual(['http://a', 'http://a'])
    await source.say([at('a', { connect, version: '2.0' })])
    expect(await client.where()).toBe('http://a')
    expect(made).toEqual(['a http://a'])
    await registry.close()
  })

  it('is connected to anew where it has moved to', async () => {
    const made: string[] = []
    const connect = connecting(made)
    const { registry, source } = await started()
    const client = registry.client('llm') as unknown as { where(): Promise<string> }
    await source.say([at('a', { connect })])
    await client.where()
    await source.say([at('a', { connect, address: 'http://b' })])
    expect(await client.where()).toBe('http://b')
    expect(made).toEqual(['a http://a', 'a http://b'])
    await registry.close()
  })

  it('is called through the connect of its service, where there is one', async () => {
    const made: string[] = []
    const own = { where: () => 'mine' }
    const { registry, source } = await started({ services: { llm: { connect: () => own } } })
    await source.say([at('a', { connect: connecting(made) })])
    const client = registry.client('llm') as unknown as { where(): Promise<string> }
    expect(await client.where()).toBe('mine')
    expect(made).toEqual([])
    await registry.close()
  })

  it('gets its connect and its probe back after a restart', async () => {
    const store = memoryStore()
    const first = await started({ store })
    await first.source.say([at('a')])
    await first.registry.flush()
    await first.registry.close()
    const { registry, source } = await started({ store })
    expect(registry.resolve('llm')).toBeUndefined()
    const probe = { name: 'mine', check: () => false }
    await source.say([at('a', { connect: connecting([]), probe })])
    await expect(registry.getService('llm')).resolves.toBeUndefined()
    expect(registry.get('a')?.health).toBe('unhealthy')
    await registry.close()
  })

  it('is asked by its probe', async () => {
    const { registry, source } = await started()
    const probe = { name: 'mine', check: () => ({ status: 'healthy', version: '7.1' }) }
    await source.say([at('a', { probe })])
    expect(await registry.healthCheckAll()).toEqual({ '*.llm.a': true })
    expect(registry.get('a')).toMatchObject({ health: 'healthy', version: '7.1' })
    await registry.close()
  })

  it('tells the catalogue of models what it says about them, once', async () => {
    const { registry, source } = await started()
    const told: string[] = []
    registry.on('model.added', ({ model }) => void told.push(`+${model.id}`))
    registry.on('model.changed', ({ model }) => void told.push(`~${model.id}`))
    const catalogue = [{ id: 'm', provider: 'told', contextLength: 8_192 }]
    await source.say([at('a', { catalogue })])
    await source.say([at('a', { catalogue })])
    expect(registry.models.get('m')).toMatchObject({
      contextLength: 8_192,
      provenance: { contextLength: { kind: 'probed', source: 'a' } },
    })
    expect(told).toEqual(['+m'])
    registry.models.remove('m', 'told')
    await source.say([at('a', { catalogue, metadata: { zone: 'x' } })])
    expect(registry.get('a')?.metadata).toEqual({ zone: 'x' })
    expect(registry.models.get('m'), 'the source says nothing new of it').toBeUndefined()
    await source.say([at('a', { catalogue: [{ ...catalogue[0], id: 'n' }] })])
    expect(told).toEqual(['+m', '+n'])
    await registry.close()
  })

  it.each([
    ['connect', 'http://a'],
    ['probe', { name: 'mine' }],
    ['catalogue', [{ provider: 'without an id' }]],
  ])('is refused when its %s is none', async (field, value) => {
    const { registry, source, told } = await started()
    await source.say([at('a', { [field]: value }), at('b')])
    expect(names(registry)).toEqual(['b unknown'])
    expect(told[0]).toMatch(/^rejected a: (?:.|\n)*(connect|probe|models)/)
    await registry.close()
  })
})
