import { expect, it } from 'vitest'
import { picks, scene } from '../registry/scene.js'

it('pitfall 54: when all of the first group are unwell, the next group serves', async () => {
  const made = scene()
  const { registry } = made
  for (const [name, group] of [
    ['a', 0],
    ['b', 0],
    ['c', 1],
  ] as const) {
    const check = (): boolean => group > 0
    registry.register({ service: 'llm', name, group, provider: {}, health: { check } })
  }
  await registry.healthCheckAll()
  expect(picks(made, 3)).toEqual(['c', 'c', 'c'])
})

it('pitfall 54: when all of a handler are unwell, global ones serve, unless the caller says no', async () => {
  const made = scene()
  const { registry } = made
  const handler = 'SpeakHandler'
  const check = (): boolean => false
  registry.register({ service: 'llm', name: 'own', handler, provider: {}, health: { check } })
  registry.register({ service: 'llm', name: 'global', provider: {} })
  await registry.healthCheckAll()
  expect(picks(made, 1, { handler })).toEqual(['global'])
  expect(picks(made, 1, { handler, fallbackToGlobal: false })).toEqual([undefined])
})

it('pitfall 54: what the caller requires is never relaxed because of health', async () => {
  const made = scene()
  const { registry } = made
  const check = (): boolean => false
  const capabilities = ['vision']
  registry.register({ service: 'llm', name: 'sees', capabilities, provider: {}, health: { check } })
  registry.register({ service: 'llm', name: 'blind', provider: {} })
  await registry.healthCheckAll()
  expect(picks(made, 1, { requires: ['vision'] })).toEqual([undefined])
  expect(picks(made, 1)).toEqual(['blind'])
})
