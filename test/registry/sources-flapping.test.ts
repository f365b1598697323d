import { expect, it } from 'vitest'
import { settled } from '../../src/core/clock.js'
import type { Source, View } from '../../src/discovery/source.js'
import { seededRandom } from '../../src/testing/index.js'
import { scene } from './scene.js'

const graceMs = 60_000

it('a source that fails, empties and returns 1,000 times at random loses nobody who lives', async () => {
  const chance = seededRandom(4)
  const pick = (below: number): number => Math.floor(chance() * below)
  let give: (step: View | Error) => void = () => {}
  let watches = 0
  const source: Source = {
    name: 'flapping',
    async *watch(signal) {
      watches += 1
      while (!signal.aborted) {
        const step = await new Promise<View | Error>((resolve) => {
          give = resolve
        })
        if (step instanceof Error) throw step
        yield step
      }
    },
  }
  const { registry, clock } = scene({ sources: [source], discovery: { graceMs } })
  registry.register({ service: 's', name: 'manual', provider: {} })
  registry.on('provider.removed', ({ provider, view }) => {
    expect(view.origin, provider).toBe('flapping')
  })
  await registry.start()
  const names = ['a', 'b', 'c', 'd', 'e']
  /** When each was last seen in a view that counts. */
  const seenAt = new Map<string, number>()
  let emptyBefore = false
  let failing = false
  for (let step = 0; step < 1_000; step++) {
    // Long enough for the longest wait before it is asked again, some of the time.
    await clock.advance(pick(4) === 0 ? 61_000 : pick(10_000))
    for (let turn = 0; turn < 3; turn++) await settled()
    const kind = pick(10)
    const view = kind < 2 ? [] : names.filter(() => pick(3) > 0)
    const asked = watches
    if (kind === 9) give(new Error('unplugged'))
    else give(view.map((name) => ({ service: 's', name, address: `http://${name}` })))
    for (let turn = 0; turn < 4; turn++) await settled()
    const { state } = registry.describe().sources?.flapping ?? {}
    if (kind === 9 || (failing && state === 'failing')) {
      failing = state === 'failing'
      expect(watches - asked).toBeLessThanOrEqual(1)
    } else {
      failing = false
      const anyThere = registry
        .list()
        .some(({ origin, health }) => origin === 'flapping' && health !== 'unhealthy')
      if (view.length > 0 || emptyBefore || !anyThere) emptyBefore = false
      else emptyBefore = true
      for (const name of view) seenAt.set(name, clock.now())
    }
    expect(registry.get('manual')).toMatchObject({ origin: 'manual', health: 'unknown' })
    for (const [name, at] of seenAt)
      if (clock.now() - at < graceMs) expect(registry.get(name), `${name} at ${step}`).toBeDefined()
    if (!failing && view.length > 0 && kind !== 9)
      for (const name of view) expect(registry.get(name)?.health).toBe('unknown')
  }
  expect(registry.list().length).toBeLessThanOrEqual(names.length + 1)
  const { state } = registry.describe().sources?.flapping ?? {}
  expect(['live', 'failing']).toContain(state)
  await registry.close()
  expect(registry.list()).toEqual([])
})
