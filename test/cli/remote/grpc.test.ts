import { expect, it } from 'vitest'
import { becomes } from '../../client/double.js'
import { ask, running, serving } from './serving.js'

it('does the same over gRPC', async () => {
  const server = await serving({ grpc: { port: 0 } })
  const url = server.urls.grpc ?? ''
  const at = { urls: { rest: url } } as const
  const registered = await ask(
    at,
    'register a --service llm --capability chat --location http://127.0.0.1:9',
  )
  expect(registered).toMatchObject({
    exit: 0,
    out: expect.stringMatching(/^Registered a at grpc:\/\/127\S+\nToken [\w-]{43}\n$/),
  })
  await ask(at, 'register b --capability chat')
  expect((await ask(at, 'list')).out).toBe(
    [
      'ID  SERVICE  VERSION  STATUS   MODE        CAPABILITIES  LOCATION',
      'a   llm      1.0.0    healthy  http        chat          http://127.0.0.1:9',
      'b   b        1.0.0    healthy  standalone  chat          -',
      '',
    ].join('\n'),
  )
  expect((await ask(at, 'get a')).out).toMatch(/^a\n {2}service +llm\n/)
  expect((await ask(at, 'get aa')).err).toContain("did you mean 'a'?")
  const first = async () => (await ask(at, 'resolve chat')).out.split('\n')[0]
  expect([await first(), await first()]).toEqual(['a', 'b'])
  expect((await ask(at, 'resolve nothing')).exit).toBe(1)
  expect((await ask(at, 'explain chat')).out).toContain('2 candidates, each in turn')
  expect((await ask(at, 'heartbeat b')).out).toBe(`b is alive; ${url} was told\n`)
  const figures = '--success-rate 0.4 --avg-duration-ms 150 --executions 10'
  expect((await ask(at, `heartbeat b ${figures}`)).exit).toBe(0)
  expect(server.operations.get('b')).toMatchObject({
    status: 'degraded',
    telemetry: { successRate: 0.4, failedExecutions: 6 },
  })
  const notified = await ask(at, 'notify b --message hi')
  expect(notified).toMatchObject({ exit: 1, err: expect.stringContaining('not delivered') })
  expect((await ask(at, 'notify c --message hi')).err).toContain("registered as 'c'")

  const watch = running(url, 'watch --count 2')
  await becomes(() => watch.said.err.includes('Watching 2'))
  expect((await ask(at, 'deregister b')).exit).toBe(0)
  await becomes(() => watch.said.out.includes('- b: is not there any more'))
  await ask(at, 'register c')
  expect((await watch.ended).exit).toBe(0)
  expect(watch.said.out).toMatch(/\+ c: healthy; c\n$/)
})

it('says over gRPC too what is missing', async () => {
  const server = await serving({ token: 'operator', grpc: { port: 0 } })
  const at = { urls: { rest: server.urls.grpc ?? '' } } as const
  const refused = await ask(at, 'list')
  expect(refused).toMatchObject({ exit: 1, out: '' })
  expect(refused.err).toMatch(/asks for a token; give it with --token-file/)
  expect((await ask(at, 'list --token operator')).exit).toBe(0)
  const nowhere = { urls: { rest: 'grpc://127.0.0.1:1' } } as const
  expect(await ask(nowhere, 'list')).toMatchObject({
    exit: 3,
    err: expect.stringMatching(/^switchgear: nothing listens at grpc:.*--url\n$/),
  })
})
