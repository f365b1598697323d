import { expect, it, onTestFinished } from 'vitest'
import { type Clock, systemClock } from '../../../src/core/clock.js'
import { createServer } from '../../../src/server/index.js'
import { becomes, RegistryDouble } from '../../client/double.js'
import { ask, running, serving } from './serving.js'

/** Pauses are short. So are time-outs. */
const quickClock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 20, signal),
}

it('lists what there is, then tells each change, until it is interrupted', async () => {
  const server = await serving()
  await ask(server, 'register a --capability chat')
  const watch = running(server.urls.rest, 'watch')
  await becomes(() => watch.said.err.includes('Watching 1 registration at http'))
  expect(watch.said.out).toMatch(/^ID .*\na +a +1\.0\.0 +healthy +standalone +chat/)
  await ask(server, 'register b --capability dig --service tools')
  await ask(server, 'register a --capability chat@2 --version 2')
  server.registry.updateFromHealth('b', { status: 'degraded' })
  await ask(server, 'deregister b')
  await becomes(() => watch.said.out.includes('not there any more'))
  const lines = watch.said.out.trimEnd().split('\n').slice(2)
  expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\d /, ''))).toEqual([
    '+ b: healthy; tools; dig',
    '~ a: version 1.0.0 → 2; can +chat@2, -chat; registered again',
    '~ b: status healthy → degraded',
    '- b: is not there any more',
  ])
  watch.stop()
  expect((await watch.ended).exit).toBe(0)
})

it('tells no sign of life', async () => {
  const server = await serving()
  await ask(server, 'register a')
  const watch = running(server.urls.rest, 'watch --count 1')
  await becomes(() => watch.said.err.includes('Watching 1'))
  for (let at = 0; at < 3; at++) await ask(server, 'heartbeat a')
  await ask(server, 'register b')
  expect((await watch.ended).exit).toBe(0)
  expect(watch.said.out.trimEnd().split('\n').slice(2)).toEqual([
    expect.stringMatching(/^\S+ \+ b: healthy; b$/),
  ])
})

it('writes lines of JSON, of those that fit, and ends after so many', async () => {
  const server = await serving()
  await ask(server, 'register a --capability chat')
  await ask(server, 'register x --capability dig')
  const watch = running(server.urls.rest, 'watch --capability chat --json --count 2')
  await becomes(() => watch.said.err.includes('Watching 1 registration'))
  await ask(server, 'deregister x')
  await ask(server, 'register a --capability other')
  await ask(server, 'register c --capability chat')
  expect((await watch.ended).exit).toBe(0)
  const lines = watch.said.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map(({ event, record }) => `${event} ${record.id}`)).toEqual([
    'present a',
    'removed a',
    'added c',
  ])
  expect(lines[2]).toMatchObject({
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    record: { id: 'c', agentType: 'unspecified', status: 'healthy', capabilities: ['chat'] },
  })
})

it.each(['rest', 'grpc'] as const)(
  'says over %s that the registry is gone, and tells what became different meanwhile',
  async (face) => {
    const first = await createServer({ port: 0, grpc: { port: 0 } })
    const { rest, grpc = '' } = first.urls
    const ports = { port: Number(new URL(rest).port), grpc: { port: Number(new URL(grpc).port) } }
    const at = { urls: { rest } } as const
    await ask(at, 'register a')
    const url = face === 'rest' ? rest : grpc
    const watch = running(url, 'watch --timeout 200s', quickClock)
    await becomes(() => watch.said.err.includes('Watching 1'))
    await first.close()
    await becomes(() => watch.said.err.includes(`Lost the registry, trying again: ${url}`))
    const second = await createServer(ports)
    onTestFinished(() => second.close())
    await ask(at, 'register b')
    await becomes(() => watch.said.out.includes('+ b: healthy'))
    expect(watch.said.err).toContain('Connected again.\n')
    expect(watch.said.err.match(/Lost the registry/g)).toHaveLength(1)
    await becomes(() => watch.said.out.includes(' - a: is not there any more\n'))
    watch.stop()
    expect((await watch.ended).exit).toBe(0)
  },
)

it('follows a registry that has no native routes', async () => {
  const double = await RegistryDouble.start()
  double.add({ id: 'a' })
  const watch = running(double.url, 'watch')
  await becomes(() => watch.said.err.includes('Watching 1'))
  await becomes(() => double.streams === 1)
  double.setStatus('a', 'unhealthy')
  double.add({ id: 'b' })
  await becomes(() => watch.said.out.includes('+ b: healthy'))
  double.remove('b')
  await becomes(() => watch.said.out.includes('- b: is not there any more'))
  expect(watch.said.out).toContain('~ a: status healthy → unhealthy')
  watch.stop()
  expect((await watch.ended).exit).toBe(0)
})

it('keeps what it registered alive, and deregisters it when it is interrupted', async () => {
  const server = await serving()
  const keep = running(server.urls.rest, 'register a --keep --heartbeat-timeout 0.3')
  await becomes(() => keep.said.err.includes('Heartbeats of a go out'))
  await becomes(() => server.registry.get('a')?.lease !== undefined)
  server.registry.unregister('a')
  await becomes(() => server.operations.get('a') !== undefined)
  keep.stop()
  expect((await keep.ended).exit).toBe(0)
  expect(keep.said.err).toMatch(/Deregistered a\.\n$/)
  expect(server.operations.get('a')).toBeUndefined()
})

it('says that heartbeats are not taken, and that nothing could be deregistered', async () => {
  const server = await createServer({ port: 0 })
  const args = 'register a --keep --heartbeat-timeout 3 --timeout 200s'
  const keep = running(server.urls.rest, args, quickClock)
  await becomes(() => keep.said.err.includes('Heartbeats of a go out'))
  await server.close()
  await becomes(() => /A heartbeat was not taken, and is sent again: http/.test(keep.said.err))
  keep.stop()
  expect((await keep.ended).exit).toBe(3)
  expect(keep.said.err).toMatch(/nothing listens at .*\n$/)
  expect(keep.said.err).not.toContain('Deregistered')
})
