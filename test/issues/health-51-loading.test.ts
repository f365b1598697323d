import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { httpProbe, ServiceRegistry } from '../../src/index.js'
import { scene } from '../registry/scene.js'

it('pitfall 51: a model that takes ten minutes to load never counts as dead, and serves when it is there', async () => {
  const { registry, clock } = scene({ health: { intervalMs: 10_000 } })
  let isThere = false
  const check = () => (isThere ? true : ({ status: 'loading' } as const))
  registry.register({ service: 'llm', name: 'local', provider: {}, health: { check } })
  const told: string[] = []
  registry.on('provider.health-changed', ({ health }) => told.push(health))
  registry.on('circuit.opened', () => told.push('opened'))
  await registry.start()
  await clock.advance(600_000)
  expect(registry.resolve('llm')).toBeUndefined()
  expect(registry.circuit('local').stats.failures).toBe(0)
  isThere = true
  await clock.advance(12_000)
  expect(registry.resolve('llm')?.provider).toBe('local')
  expect(told).toEqual(['loading', 'healthy'])
  await registry.close()
})

it('pitfall 51: a server that answers 503 while it reads its model is loading, not failing', async () => {
  let isThere = false
  const server = createServer((_, response) => {
    response.statusCode = isThere ? 200 : 503
    const error = { code: 503, message: 'Loading model', type: 'unavailable_error' }
    response.end(JSON.stringify(isThere ? { status: 'ok' } : { error }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const registry = new ServiceRegistry<{ llm: object }>()
  const health = { probe: httpProbe({ path: '/health' }) }
  registry.register({ service: 'llm', name: 'local', provider: {}, address, health })
  await registry.healthCheckAll()
  expect(registry.get('local')?.health).toBe('loading')
  expect(registry.circuit('local').stats.failures).toBe(0)
  isThere = true
  await registry.healthCheckAll()
  expect(registry.get('local')?.health).toBe('healthy')
  await registry.close()
  server.closeAllConnections()
  server.close()
})

it('pitfall 51: who waits for a service waits while it loads, and no longer', async () => {
  const { registry, clock } = scene({ health: { intervalMs: 1_000 } })
  let isThere = false
  const check = () => (isThere ? true : ({ status: 'loading' } as const))
  registry.register({ service: 'llm', name: 'local', provider: {}, health: { check } })
  const ready = registry.waitReady({ services: ['llm'], timeoutMs: 60_000 })
  await clock.advance(20_000)
  isThere = true
  await clock.advance(2_000)
  expect(await ready).toBe(true)
})
