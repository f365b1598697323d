import { createRequire } from 'node:module'
import { trace } from '@opentelemetry/api'
import { prometheus } from 'switchgear/telemetry'
import { expect, it, vi } from 'vitest'
import { parsed } from './parsed.js'

const require = createRequire(import.meta.url)

it('shows a registry of another copy of the package in a register of another copy of prom-client', async () => {
  const file = require.resolve('prom-client')
  for (const name of Object.keys(require.cache))
    if (name.includes('prom-client')) delete require.cache[name]
  const theirs: typeof import('prom-client') = require(file)
  vi.resetModules()
  const { ServiceRegistry } = await import('switchgear')
  const registry = new ServiceRegistry<{ worker: { work(): Promise<string> } }>()
  registry.register({ service: 'worker', name: 'a', provider: { work: async () => 'x' } })
  const register = new theirs.Registry()
  const metrics = prometheus(registry, register)
  await registry.client('worker').work()
  expect(parsed(await register.metrics()).of('switchgear_calls_total')).toEqual({
    'cause=,outcome=success,provider=a,service=worker': 1,
  })
  metrics.dispose()
  await registry.close()
})

it('traces a registry of another copy of the package', async () => {
  const { instrument } = await import('switchgear/telemetry')
  vi.resetModules()
  const { ServiceRegistry } = await import('switchgear')
  const registry = new ServiceRegistry<{ worker: { work(): Promise<string> } }>()
  const names: string[] = []
  const noop = trace.getTracer('nothing')
  const tracer = Object.assign(Object.create(noop), {
    startSpan: (name: string) => {
      names.push(name)
      return noop.startSpan(name)
    },
  })
  using _ = instrument(registry, { tracer })
  registry.register({ service: 'worker', name: 'a', provider: { work: async () => 'x' } })
  await registry.client('worker').work()
  expect(names).toEqual(['worker.work', 'worker.work attempt'])
  await registry.close()
})
