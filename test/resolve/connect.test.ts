import { AllProvidersFailedError, NoProviderError, type ProviderRecord } from 'switchgear'
import { describe, expect, it } from 'vitest'
import { deferred, httpError, idle, never, scene, watch } from './scene.js'

interface Llm {
  ask(): Promise<string>
}
const answering = (name: string): Llm => ({ ask: async () => name })

describe('connect', () => {
  it('runs at the first asynchronous selection, once, with the record', async () => {
    const { registry, calls } = scene<{ llm: Llm }>()
    const records: ProviderRecord[] = []
    registry.register({
      service: 'llm',
      name: 'lazy',
      metadata: { port: 1 },
      connect: async (record) => {
        records.push(record)
        return answering('lazy')
      },
    })
    expect(records).toEqual([])
    expect(registry.explain('llm').chosen).toBe('lazy')
    expect(records).toEqual([])
    expect(await (await registry.requireService('llm')).ask()).toBe('lazy')
    expect(await registry.client('llm').ask()).toBe('lazy')
    expect(await registry.call('llm', {}, (llm) => llm.ask())).toBe('lazy')
    expect(records).toMatchObject([{ name: 'lazy', metadata: { port: 1 } }])
    expect(calls()).toEqual(Array.from({ length: 3 }, () => 'call.succeeded lazy'))
  })

  it.each(['getService', 'client', 'call'] as const)(
    'is shared by all who wait: %s',
    async (how) => {
      const { registry, clock } = scene<{ llm: Llm }>()
      const made = deferred<Llm>()
      let asked = 0
      registry.register({
        service: 'llm',
        connect: () => {
          asked += 1
          return made.promise
        },
      })
      const ask = {
        getService: async () => (await registry.requireService('llm')).ask(),
        client: () => registry.client('llm').ask(),
        call: () => registry.call('llm', {}, (llm) => llm.ask()),
      }[how]
      const seen = watch(Promise.all(Array.from({ length: 20 }, ask)))
      await clock.advance(5)
      expect(seen.state).toBe('pending')
      made.resolve(answering('lazy'))
      await clock.advance(0)
      expect(seen.value).toEqual(Array.from({ length: 20 }, () => 'lazy'))
      expect(asked).toBe(1)
    },
  )

  it('that fails is the failure of the call, and is tried again next time', async () => {
    const { registry, calls, told } = scene<{ llm: Llm }>()
    const refused = new Error('no route')
    let up = false
    registry.register({
      service: 'llm',
      name: 'lazy',
      connect: async () => {
        if (!up) throw refused
        return answering('lazy')
      },
    })
    const once = { attempts: 1 }
    await expect(registry.client('llm', {}, once).ask()).rejects.toBe(refused)
    await expect(registry.call('llm', {}, (llm) => llm.ask(), once)).rejects.toBe(refused)
    expect(await registry.getService('llm')).toBeUndefined()
    expect(calls()).toEqual(['call.failed lazy', 'call.failed lazy'])
    expect(told('call.failed')[0]).toMatchObject({ cause: 'transient', attempt: 1 })
    expect(registry.circuit('lazy').stats.failures).toBe(3)
    up = true
    expect(await registry.client('llm', {}, once).ask()).toBe('lazy')
    expect(registry.circuit('lazy').stats.consecutiveFailures).toBe(0)
  })

  it('that fails goes on elsewhere even where a call must not be repeated: it was not sent', async () => {
    const { registry, calls, told } = scene<{ shop: Llm }>()
    registry.register({
      service: 'shop',
      name: 'lazy',
      connect: () => {
        throw new Error('thrown at once')
      },
    })
    registry.register({ service: 'shop', name: 'b', provider: answering('b') })
    expect(await registry.client('shop').ask()).toBe('b')
    expect(calls()).toEqual(['call.failed lazy', 'call.succeeded b'])
    expect(told('call.failed-over')).toMatchObject([{ provider: 'lazy', to: 'b' }])
    expect(told('call.succeeded')[0]?.attempt).toBe(2)
  })

  it('failing together with other attempts is one of them', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    const unreachable = new Error('unreachable')
    registry.register({
      service: 'llm',
      name: 'lazy',
      connect: async () => {
        await clock.sleep(20)
        throw unreachable
      },
    })
    const broken = httpError(500)
    registry.register({
      service: 'llm',
      name: 'b',
      provider: { ask: () => Promise.reject(broken) },
    })
    const seen = watch(registry.client('llm', {}, { attempts: 2 }).ask())
    await clock.advance(20)
    expect(seen.error).toBeInstanceOf(AllProvidersFailedError)
    expect((seen.error as AllProvidersFailedError).attempts).toMatchObject([
      { provider: 'lazy', durationMs: 20, error: unreachable },
      { provider: 'b', durationMs: 0, error: broken },
    ])
  })

  it('opens the circuit in the end', async () => {
    const { registry } = scene<{ llm: Llm }>({ circuit: { failureThreshold: 3 } })
    let asked = 0
    registry.register({
      service: 'llm',
      name: 'lazy',
      connect: async () => {
        asked += 1
        throw new Error('down')
      },
    })
    const client = registry.client('llm', {}, { attempts: 1 })
    for (let call = 0; call < 3; call++) await expect(client.ask()).rejects.toThrow('down')
    expect(registry.circuit('lazy').state).toBe('open')
    await expect(client.ask()).rejects.toBeInstanceOf(NoProviderError)
    expect(asked).toBe(3)
  })

  it('that hangs ends with the timeoutMs of the circuit, and its signal aborts', async () => {
    const { registry, clock } = scene<{ llm: Llm }>({ circuit: { timeoutMs: 200 } })
    let reason: unknown
    registry.register({
      service: 'llm',
      name: 'lazy',
      connect: (_, signal) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason
        })
        return never
      },
    })
    const seen = watch(registry.client('llm', {}, { attempts: 1 }).ask())
    const found = watch(registry.getService('llm'))
    await clock.advance(199)
    expect(seen.state).toBe('pending')
    await clock.advance(1)
    expect(seen.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT', timeoutMs: 200 })
    expect(found).toMatchObject({ state: 'fulfilled', value: undefined })
    expect(reason).toBe(seen.error)
    expect(registry.circuit('lazy').stats.failures).toBe(1)
  })

  it('takes no longer than the call that waits for it, and goes on for others', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    const made = deferred<Llm>()
    registry.register({ service: 'llm', name: 'lazy', connect: () => made.promise })
    const patient = watch(registry.client('llm').ask())
    const hasty = watch(registry.client('llm', {}, { timeoutMs: 50 }).ask())
    const stop = new AbortController()
    const stopped = watch(registry.client('llm', {}, { signal: stop.signal }).ask())
    await clock.advance(10)
    stop.abort('stop')
    await clock.advance(0)
    expect(stopped.error).toBe('stop')
    await clock.advance(40)
    expect(hasty.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT', limit: 'budget' })
    expect(registry.circuit('lazy').stats.failures).toBe(0)
    made.resolve(answering('lazy'))
    await clock.advance(0)
    expect(patient.value).toBe('lazy')
    expect(idle(registry as never)).toBe(true)
  })

  it.each([undefined, null, 42, 'a text', Symbol('x'), true])(
    'must give an object or a function, not %s',
    async (made) => {
      const { registry } = scene<{ llm: Llm }>()
      registry.register({ service: 'llm', name: 'lazy', connect: () => made as never })
      await expect(registry.client('llm', {}, { attempts: 1 }).ask()).rejects.toThrow(
        "connect of provider 'lazy' must give an object or a function",
      )
    },
  )

  it('may give a function', async () => {
    const { registry } = scene<{ ask: () => Promise<string> }>()
    registry.register({ service: 'ask', connect: () => async () => 'called' })
    const client = registry.client('ask')
    expect(await client()).toBe('called')
    expect(await (await registry.requireService('ask'))()).toBe('called')
  })

  it('does not hold up a sync look-up, which starts it and says so', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    let asked = 0
    registry.register({
      service: 'llm',
      name: 'lazy',
      connect: async () => {
        asked += 1
        return answering('lazy')
      },
    })
    expect(registry.resolve('llm')).toBeUndefined()
    expect(asked).toBe(1)
    await clock.advance(0)
    expect(registry.resolve('llm')?.provider).toBe('lazy')
    expect(asked).toBe(1)
  })

  it('that fails in the background of a sync look-up is no accident', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    registry.register({
      service: 'llm',
      name: 'lazy',
      connect: async () => {
        throw new Error('down')
      },
    })
    expect(registry.resolve('llm')).toBeUndefined()
    await clock.advance(0)
    expect(registry.circuit('lazy').stats.failures).toBe(1)
  })

  it('is passed over by resolve for one that is there', () => {
    const { registry } = scene<{ llm: Llm }>()
    registry.register({ service: 'llm', name: 'lazy', connect: () => never, priority: 'high' })
    registry.register({ service: 'llm', name: 'here', provider: answering('here') })
    expect(registry.resolve('llm')?.provider).toBe('here')
  })

  it('for a provider that leaves meanwhile sends the call elsewhere', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    const made = deferred<Llm>()
    const lazy = registry.register({
      service: 'llm',
      name: 'lazy',
      priority: 'high',
      connect: () => made.promise,
    })
    const seen = watch(registry.client('llm').ask())
    const found = watch(registry.getService('llm'))
    await clock.advance(0)
    lazy.unregister()
    registry.register({ service: 'llm', name: 'here', provider: answering('here') })
    made.resolve(answering('lazy'))
    await clock.advance(0)
    expect(seen.value).toBe('here')
    expect(await found.value?.ask()).toBe('here')
  })

  it('for a provider that is replaced meanwhile uses the new one', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    const made = deferred<Llm>()
    registry.register({ service: 'llm', name: 'lazy', connect: () => made.promise })
    const seen = watch(registry.client('llm').ask())
    await clock.advance(0)
    registry.register({
      service: 'llm',
      name: 'lazy',
      replace: true,
      connect: async () => answering('new'),
    })
    made.resolve(answering('old'))
    await clock.advance(0)
    expect(seen.value).toBe('new')
  })

  it('that fails for one who is gone is told to nobody', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    const made = deferred<Llm>()
    const lazy = registry.register({ service: 'llm', name: 'lazy', connect: () => made.promise })
    const seen = watch(registry.client('llm').ask())
    await clock.advance(0)
    lazy.unregister()
    made.reject(new Error('closed'))
    await clock.advance(0)
    expect(seen.error).toBeInstanceOf(NoProviderError)
  })
})
