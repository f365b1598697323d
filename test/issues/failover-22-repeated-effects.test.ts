import { expect, it } from 'vitest'
import { httpError, scene } from '../resolve/scene.js'

it('pitfall 22: a card is charged once, and what was never sent goes elsewhere', async () => {
  const { registry, told } = scene<{ bank: { charge(): Promise<string> } }>()
  let charged = 0
  registry.register({
    service: 'bank',
    name: 'first',
    provider: {
      charge: async () => {
        charged += 1
        throw httpError(502)
      },
    },
  })
  registry.register({
    service: 'bank',
    name: 'second',
    provider: {
      charge: async () => {
        charged += 1
        return 'charged'
      },
    },
  })
  const bank = registry.client('bank')
  await expect(bank.charge()).rejects.toMatchObject({ status: 502 })
  expect(charged).toBe(1)
  expect(told('call.failed')).toMatchObject([{ notRetried: 'not-idempotent' }])
  registry.circuit('first').isolate()
  expect(await bank.charge()).toBe('charged')
  expect(charged).toBe(2)
})
