import { expect, it } from 'vitest'
import type { RemoteEntry } from '../../../src/cli/remote/entry.js'
import { readEntry } from '../../../src/cli/remote/entry.js'
import { explanationOf } from '../../../src/cli/remote/explain.js'
import { RegistryDouble } from '../../client/double.js'
import { ask, serving } from './serving.js'

const entry = (id: string, fields: Partial<RemoteEntry> = {}): RemoteEntry => ({
  ...{ id, name: id, service: 'llm', version: '1', mode: 'http', location: 'http://10.0.0.1' },
  ...{ capabilities: ['chat'], metadata: {}, status: 'healthy' as const },
  ...fields,
})

const telemetry = (successRate: number) => ({
  ...{ successRate, avgDurationMs: 5, totalExecutions: 10, failedExecutions: 0 },
})

const why = (fields: Partial<RemoteEntry>) => {
  const [verdict] = explanationOf('chat', [entry('a', fields)]).verdicts
  return `${verdict?.isCandidate ? '+' : '-'} ${verdict?.why}`
}

it.each<[Partial<RemoteEntry>, string]>([
  [{}, '+ is healthy'],
  [{ failedChecks: 2 }, '+ is healthy; 2 health checks in a row failed'],
  [{ status: 'degraded' }, '+ is degraded, and still asked'],
  [
    { status: 'degraded', telemetry: telemetry(0.4) },
    '+ is degraded, and still asked: it says that 40 % of its work went well',
  ],
  [
    { status: 'unhealthy', failedChecks: 3 },
    '- is unhealthy: 3 health checks in a row failed at http://10.0.0.1',
  ],
  [
    { status: 'unhealthy', telemetry: telemetry(0.25) },
    '- is unhealthy: it says that 25 % of its work went well',
  ],
  [
    { status: 'unhealthy', telemetry: telemetry(0.9), lastSeenAt: 1_000 },
    '- is unhealthy: nothing was heard of it since 1970-01-01T00:00:01.000Z',
  ],
  [{ status: 'unhealthy' }, '- is unhealthy: it is silent'],
  [{ capabilities: ['chat@2', 'dig'] }, '- has chat@2, which is asked for as it is written'],
])('says of %j why', (fields, expected) => {
  expect(why(fields)).toBe(expected)
})

it('puts candidates first, counts the rest, and knows what was meant', () => {
  const all = [
    entry('down', { status: 'unhealthy' }),
    entry('up'),
    entry('versioned', { capabilities: ['chat@2'] }),
    entry('other', { capabilities: ['dig'] }),
  ]
  const { verdicts, others, near } = explanationOf('chat', all)
  expect([verdicts.map(({ entry: { id } }) => id), others, near]).toEqual([
    ['up', 'down', 'versioned'],
    1,
    undefined,
  ])
  expect(explanationOf('chat@3', all).near).toBe('chat')
  expect(explanationOf('dug', all)).toMatchObject({ verdicts: [], others: 4, near: 'dig' })
  expect(explanationOf('x', [])).toMatchObject({ verdicts: [], others: 0, near: undefined })
})

it("agrees with whom the server asks, and takes nobody's turn", async () => {
  const server = await serving()
  for (const id of ['a', 'b', 'c']) await ask(server, `register ${id} --capability chat`)
  await ask(server, 'register d --capability chat@2')
  server.registry.updateFromHealth('b', { status: 'unhealthy' })
  server.registry.updateFromHealth('c', { status: 'degraded' })
  const { exit, out } = await ask(server, 'explain chat')
  expect(exit).toBe(0)
  expect(out.split('\n').slice(0, 4)).toEqual([
    `chat at ${server.urls.rest}: 2 candidates, each in turn`,
    '  + a is healthy',
    '  + c is degraded, and still asked',
    expect.stringMatching(/^ {2}- b is unhealthy: nothing was heard of it since 2/),
  ])
  expect(out).toMatch(/\n {2}- d has chat@2, which is asked for as it is written\n$/)
  const json = JSON.parse((await ask(server, 'explain chat --json')).out)
  expect(json).toMatchObject({ capability: 'chat', candidates: ['a', 'c'], others: 0, near: null })
  const turns = [server.operations.choose('chat').id, server.operations.choose('chat').id]
  expect(turns).toEqual(['a', 'c'])
  expect(await ask(server, 'explain nothing')).toMatchObject({
    exit: 1,
    out: `nothing at ${server.urls.rest}: nobody is asked\n  4 registrations without it\n`,
  })
})

it('reads records that are none as nothing, and odd ones as far as they go', async () => {
  for (const odd of [null, 7, [], {}, { id: '' }, { id: 'a/b' }, { id: '..' }, { id: 'a\nb' }])
    expect(readEntry(odd)).toBeUndefined()
  const times = [Number.NaN, -1, 0, 9e15, '7', Number.POSITIVE_INFINITY]
  for (const registeredAt of times)
    expect(readEntry({ id: 'a', registeredAt, telemetry: 7, capabilities: 'x' })).toMatchObject({
      ...{ id: 'a', status: 'unhealthy', capabilities: [] },
      ...{ registeredAt: undefined, telemetry: undefined },
    })
  const double = await RegistryDouble.start()
  double.answerWith = ({ path }, response) => {
    if (path !== '/v1/providers') return false
    const providers = [null, { id: 'a', telemetry: { successRate: 'x' }, metadata: [1] }, 'b']
    response.end(JSON.stringify({ providers, position: 7 }))
    return true
  }
  const at = { urls: { rest: double.url } } as const
  expect((await ask(at, 'list')).out).toMatch(/^ID .*\na +a +1\.0\.0 +unhealthy +http +- +-\n$/)
})
