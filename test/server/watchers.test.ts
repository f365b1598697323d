import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { createServer } from '../../src/server/index.js'
import { service } from './operations-of.js'
import { ask } from './rest-client.js'

/** As many files as this process may open. */
function openFiles(): number {
  const report: unknown = process.report?.getReport()
  const found = /"open_files":\{"soft":(\d+)/.exec(JSON.stringify(report) ?? '')?.[1]
  return Number(found ?? 1_024)
}

/** Both ends of each are here. With SWITCHGEAR_SOAK 10,000, as far as the system allows. */
const watchers = Math.min(
  process.env.SWITCHGEAR_SOAK === undefined ? 1_000 : 10_000,
  Math.floor((openFiles() - 200) / 2),
)

interface Watcher {
  readonly socket: Socket
  /** Ids of the entries it was told of. */
  readonly told: string[]
}

async function watch(port: number, told: (all: number) => void): Promise<Watcher> {
  const socket = connect(port, '127.0.0.1')
  const ids: string[] = []
  socket.on('error', () => {})
  socket.write('GET /v1/changes HTTP/1.1\r\nhost: x\r\n\r\n')
  let text = ''
  const begun = new Promise<void>((resolve) => {
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (text.includes('"connected"')) resolve()
      const found = [...text.matchAll(/"type":"registered","entry":\{"id":"(\w+)"/g)]
      for (const [, id = ''] of found.slice(ids.length)) {
        ids.push(id)
        told(1)
      }
    })
  })
  await begun
  return { socket, told: ids }
}

it(`tells ${watchers} watchers of a change, and those that are left when half have gone`, async () => {
  const server = await createServer({ port: 0 })
  onTestFinished(() => server.close())
  const port = Number(new URL(server.urls.rest).port)
  let heard = 0
  const tell = (): void => {
    heard += 1
  }
  const all: Watcher[] = []
  while (all.length < watchers)
    all.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(100, watchers - all.length) }, () => watch(port, tell)),
      )),
    )
  await server.operations.register(service('one'), {})
  await expect.poll(() => heard, { timeout: 60_000 }).toBe(watchers)
  const left = all.filter((_, number) => number % 2 === 0)
  for (const { socket } of all.filter((_, number) => number % 2 === 1)) socket.destroy()
  expect((await ask(server.urls.rest, '/health')).status).toBe(200)
  await server.operations.register(service('two'), {})
  await expect.poll(() => heard, { timeout: 60_000 }).toBe(watchers + left.length)
  for (const { told } of left) expect(told).toEqual(['one', 'two'])
  const ended = Promise.all(left.map(({ socket }) => once(socket, 'close')))
  await server.close()
  await ended
}, 300_000)
