import { expect, it } from 'vitest'
import { type News, newsFrom } from '../../../src/cli/remote/news.js'
import { RegistryClient } from '../../../src/client/index.js'
import { FakeClock } from '../../../src/testing/fake-clock.js'

type Step = 'gone' | readonly unknown[]

/** A registry that is gone for some questions, and tells changes between them, as its native routes do. */
function following(steps: readonly Step[]) {
  const left = [...steps]
  const clock = new FakeClock()
  const stop = new AbortController()
  const told: string[] = []
  const remote = {
    access: { clock },
    client: new RegistryClient({ url: 'http://127.0.0.1:1' }),
    async snapshot() {
      if (left[0] === 'gone') {
        left.shift()
        throw new Error('gone')
      }
      return { entries: [], position: 'run-1' }
    },
    async *changeLines() {
      const changes = left.shift()
      if (changes === undefined) stop.abort()
      if (!Array.isArray(changes)) return
      for (const change of changes)
        yield* [`data: ${typeof change === 'string' ? change : JSON.stringify(change)}`, '']
      throw new Error('lost')
    },
  }
  const listener = {
    lost: (error: unknown) => told.push(`lost: ${error instanceof Error && error.message}`),
    back: () => told.push('back'),
  }
  const tell = (news: News) =>
    told.push(news.type === 'all' ? 'all' : news.type === 'gone' ? `-${news.id}` : news.entry.id)
  const ended = (async () => {
    for await (const news of newsFrom(remote, stop.signal, listener)) tell(news)
  })()
  return { told, ended, clock }
}

async function toldBy(steps: readonly Step[]): Promise<readonly string[]> {
  const { told, ended, clock } = following(steps)
  for (let at = 0; at < 20; at++) await clock.advance(30_000)
  await ended
  return told
}

it('says once that the registry is gone, and that it is back, and tells everything again', async () => {
  const entry = { id: 'a', capabilities: [] }
  expect(
    await toldBy([[{ type: 'registered', entry }], 'gone', 'gone', 'gone', [], 'gone', []]),
  ).toEqual(['all', 'a', 'lost: gone', 'back', 'all', 'lost: gone', 'back', 'all', 'all'])
})

it('knows changes, and reads the list again where it does not', async () => {
  const entry = { id: 'a' }
  expect(
    await toldBy([
      [
        { type: 'connected' },
        { type: 'invoked', invocation: {} },
        { type: 'updated', entry },
        { type: 'status-changed', entry },
        { type: 'deregistered', entry },
      ],
      [{ type: 'resync' }, { type: 'registered', entry }],
      ['{', { type: 'registered', entry }],
      [
        { type: 'registered', entry: { id: '..' } },
        { type: 'registered', entry },
      ],
    ]),
  ).toEqual(['all', 'a', 'a', '-a', 'all', 'all', 'all', 'all'])
})

it('fails when there was never an answer', async () => {
  await expect(following(['gone']).ended).rejects.toThrow('gone')
})
