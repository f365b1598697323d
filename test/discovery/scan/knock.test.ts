import { expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.js'
import { Knocks, knockOf } from '../../../src/discovery/scan/knock.js'
import { serve } from '../../core/servers.js'

it('tells apart who listens, nobody, no way there, and too many open files', async () => {
  const { port } = await serve((_, response) => response.end())
  const knocks = new Knocks(systemClock, 2_000)
  expect(await knocks.at('127.0.0.1', port)).toBe('open')
  expect(['ECONNREFUSED', 'EHOSTUNREACH', 'EMFILE', 'ENFILE', undefined].map(knockOf)).toEqual([
    'refused',
    'unreachable',
    'exhausted',
    'exhausted',
    'unreachable',
  ])
  knocks.stop()
  expect(await knocks.at('127.0.0.1', port)).toBe('timeout')
})
