import { expect, it } from 'vitest'
import { goneForMs } from '../../src/store/redis-place.js'
import { Replica } from '../../src/store/redis-replica.js'
import { FakeClock } from '../../src/testing/index.js'

it('what was removed here is answered for as long as Redis remembers it, and then forgotten', async () => {
  const clock = new FakeClock()
  const replica = new Replica('me', clock)
  const remove = (field: string): void => replica.wrote({ field, version: 1, epoch: '0', json: '' })
  const removed = () => replica.owned().map(({ field }) => field)
  remove('health "a"')
  await clock.advance(goneForMs - 1)
  remove('health "b"')
  expect(removed()).toEqual(['health "a"', 'health "b"'])
  await clock.advance(2)
  remove('health "c"')
  expect(removed()).toEqual(['health "b"', 'health "c"'])
})
