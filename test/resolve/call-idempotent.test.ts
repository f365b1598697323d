import type { NotRetried, RegistryOptions } from 'switchgear'
import { describe, expect, it } from 'vitest'
import { httpError, scene, watch } from './scene.js'

interface Shop {
  pay(): Promise<string>
  list(): Promise<string>
  readonly cart: { clear(): Promise<string> }
}
interface Services {
  llm: Shop
  shop: Shop
}

/** One provider that fails with `error`, and one that does not. */
function two(
  error: unknown,
  options: Partial<RegistryOptions<Services>> = {},
  registration: object = {},
) {
  const set = scene<Services>(options)
  for (const service of ['llm', 'shop'] as const) {
    const shop = (run: () => Promise<string>): Shop => ({
      pay: run,
      list: run,
      cart: { clear: run },
    })
    set.registry.register({
      service,
      name: `${service}-bad`,
      provider: shop(async () => {
        throw error
      }),
      ...registration,
    })
    set.registry.register({ service, name: `${service}-good`, provider: shop(async () => 'ok') })
  }
  const notRetried = (): (NotRetried | undefined)[] =>
    set.told('call.failed').map((event) => event.notRetried)
  return { ...set, notRetried }
}

describe('what is safe to repeat', () => {
  it('is a call of the llm kind, by name', async () => {
    const { registry } = two(httpError(500))
    expect(await registry.client('llm').pay()).toBe('ok')
    expect(await registry.call('llm', {}, (shop) => shop.pay())).toBe('ok')
  })

  it('is nothing else, unless somebody says so; the event says why', async () => {
    const error = httpError(500)
    const { registry, notRetried } = two(error)
    await expect(registry.client('shop').pay()).rejects.toBe(error)
    await expect(registry.call('shop', {}, (shop) => shop.pay())).rejects.toBe(error)
    expect(notRetried()).toEqual(['not-idempotent', 'not-idempotent'])
  })

  it('is a call of a service registered with the kind llm', async () => {
    const { registry } = two(httpError(500), { services: { shop: { kind: 'llm' } } })
    expect(await registry.client('shop').pay()).toBe('ok')
  })

  it('is settled per service', async () => {
    const { registry } = two(httpError(500), {
      services: { shop: { idempotent: true }, llm: { idempotent: false } },
    })
    expect(await registry.client('shop').pay()).toBe('ok')
    await expect(registry.client('llm').pay()).rejects.toThrow('HTTP 500')
  })

  it('is settled per provider', async () => {
    const yes = two(httpError(500), {}, { idempotent: true })
    expect(await yes.registry.client('shop').pay()).toBe('ok')
    const no = two(httpError(500), {}, { idempotent: false })
    await expect(no.registry.client('llm').pay()).rejects.toThrow('HTTP 500')
  })

  it('is settled per method, by path, over the provider and the service', async () => {
    const { registry } = two(
      httpError(500),
      {
        services: {
          llm: { methods: { pay: { idempotent: false } } },
          shop: {
            methods: {
              list: { idempotent: true },
              'cart.clear': { idempotent: true },
              pay: { idempotent: false },
            },
            idempotent: true,
          },
        },
      },
      { idempotent: true },
    )
    expect(await registry.client('llm').list()).toBe('ok')
    await expect(registry.client('llm').pay()).rejects.toThrow('HTTP 500')
    expect(await registry.client('shop').list()).toBe('ok')
    expect(await registry.client('shop').cart.clear()).toBe('ok')
    await expect(registry.client('shop').pay()).rejects.toThrow('HTTP 500')
  })

  it('is settled per call, over all else', async () => {
    const { registry } = two(
      httpError(500),
      { services: { shop: { methods: { pay: { idempotent: false } } } } },
      { idempotent: false },
    )
    expect(await registry.client('shop', {}, { idempotent: true }).pay()).toBe('ok')
    expect(await registry.call('shop', {}, (shop) => shop.pay(), { idempotent: true })).toBe('ok')
    await expect(registry.client('llm', {}, { idempotent: false }).pay()).rejects.toThrow()
  })

  it.each([
    ['a 429', httpError(429)],
    ['a refused connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' })],
    ['an unknown host', Object.assign(new Error('x'), { cause: { code: 'ENOTFOUND' } })],
  ])('is whatever was never sent or had no effect: %s', async (_, error) => {
    const { registry, notRetried } = two(error)
    expect(await registry.client('shop').pay()).toBe('ok')
    expect(notRetried()).toEqual([undefined])
  })

  it.each([
    ['a reset connection', Object.assign(new Error('x'), { code: 'ECONNRESET' })],
    ['a 503', httpError(503)],
    ['a plain error', new Error('x')],
  ])('is not what may have had an effect: %s', async (_, error) => {
    const { registry, notRetried } = two(error)
    await expect(registry.client('shop').pay()).rejects.toBe(error)
    expect(notRetried()).toEqual(['not-idempotent'])
  })

  it('is not a call that timed out', async () => {
    const { registry, clock } = scene<Services>({ circuit: { timeoutMs: 10 } })
    let asked = 0
    for (const name of ['a', 'b'])
      registry.register({
        service: 'shop',
        name,
        provider: {
          pay: () => {
            asked += 1
            return new Promise(() => {})
          },
        } as never,
      })
    const seen = watch(registry.client('shop').pay())
    await clock.advance(10)
    expect(seen.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT', provider: 'a' })
    expect(asked).toBe(1)
  })
})

describe('why it was not tried again', () => {
  it('is told for spent attempts, spent time and a spent retry budget', async () => {
    const error = httpError(500)
    const { registry, notRetried, clock } = two(error, {
      retryBudget: { perSecond: 0, ratio: 0 },
    })
    await expect(registry.client('llm', {}, { attempts: 1 }).pay()).rejects.toBe(error)
    await expect(registry.client('llm').pay()).rejects.toBe(error)
    registry.unregister('llm-bad')
    registry.register({
      service: 'llm',
      name: 'late',
      priority: 'high',
      provider: { pay: () => new Promise(() => {}) } as never,
    })
    const seen = watch(registry.client('llm', {}, { timeoutMs: 10 }).pay())
    await clock.advance(10)
    expect(seen.state).toBe('rejected')
    expect(notRetried()).toEqual(['attempts-spent', 'retry-budget-spent', 'no-time-left'])
  })
})

describe('the retry budget of a service', () => {
  it('stops a storm: after 100 extra attempts and 20 % of the calls, errors come out as they are', async () => {
    const { registry } = scene<{ llm: () => Promise<never> }>({
      circuit: { failureThreshold: 1_000_000 },
    })
    const error = httpError(500)
    let asked = 0
    for (const name of ['a', 'b'])
      registry.register({
        service: 'llm',
        name,
        provider: async () => {
          asked += 1
          throw error
        },
      })
    const outcomes: unknown[] = []
    for (let call = 0; call < 500; call++)
      outcomes.push(
        await registry.call('llm', {}, (llm) => llm(), { attempts: 2 }).catch((e: unknown) => e),
      )
    expect(asked - 500).toBe(200)
    expect(outcomes.filter((outcome) => outcome === error)).toHaveLength(300)
    expect(outcomes.slice(-3).filter((outcome) => outcome === error).length).toBeGreaterThan(0)
  })

  it('is of its service alone, and comes back', async () => {
    const { registry, clock } = scene<{ llm: () => Promise<never>; other: () => Promise<never> }>({
      circuit: { failureThreshold: 1_000_000 },
      retryBudget: { perSecond: 0.1, ratio: 0 },
    })
    let asked = 0
    for (const service of ['llm', 'other'] as const)
      for (const name of ['a', 'b'])
        registry.register({
          service,
          name: `${service}-${name}`,
          provider: async () => {
            asked += 1
            throw httpError(500)
          },
        })
    const call = async (service: 'llm' | 'other') => {
      asked = 0
      const options = { attempts: 2, idempotent: true }
      await registry.call(service, {}, (fn) => fn(), options).catch(() => {})
      return asked
    }
    expect(await call('llm')).toBe(2)
    expect(await call('llm')).toBe(1)
    expect(await call('other')).toBe(2)
    await clock.advance(10_000)
    expect(await call('llm')).toBe(2)
  })
})
