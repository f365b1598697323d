import { afterEach, expect, it } from 'vitest'
import type { Change } from '../../../src/wire/proto/switchgear-messages.js'
import { agent } from '../operations-of.js'
import { AgentClient, Ends, serving, type Watch } from './client.js'

const ends = new Ends()
afterEach(() => ends.now())

/** 10,000 with SWITCHGEAR_SOAK, which takes a minute or two: what they read is in this process too. */
const many = process.env.SWITCHGEAR_SOAK === undefined ? 500 : 10_000
const connections = 4
const changes = 20

const ids = ({ events }: Watch) => events.map(({ agent: one }) => one?.agent_id)
const wanted = Array.from({ length: changes }, (_, at) => `agent-${at}`)

it(`tells ${many} watchers of each change, whoever else reads slowly or has left`, async () => {
  const { operations, address } = await serving(ends, { changesKept: 100 })
  const clients = Array.from({ length: connections }, () => new AgentClient(address))
  for (const one of clients) ends.add(() => one.close())
  const watches: Watch[] = []
  for (let at = 0; at < many; at += 1) {
    const watch = clients[at % connections]?.watch()
    if (watch !== undefined) watches.push(watch)
    if (at % 500 === 499) await Promise.all(watches.slice(-500).map(({ begun }) => begun))
  }
  await Promise.all(watches.map(({ begun }) => begun))

  const slow = new AgentClient(address)
  ends.add(() => slow.close())
  const deaf = slow.watch()
  const returning = slow.open('Changes')
  await Promise.all([deaf.begun, returning.until(2)])
  deaf.pause()
  returning.pause()
  const gone = watches.splice(0, many / 10)
  for (const one of gone) one.cancel()

  for (const id of wanted) await operations.register(agent(id), {})
  await Promise.all(watches.map((one) => one.until(changes)))
  for (const one of watches) expect(ids(one)).toEqual(wanted)
  for (const one of gone) expect((await one.ended)?.code).toBe(1)

  // More than is kept, and than a connection holds: who does not read is told that it missed something.
  const metadata = { text: 'x'.repeat(20_000) }
  for (const one of watches.splice(0)) one.cancel()
  for (let at = 0; at < 400; at += 1) {
    await operations.register(agent('big', { metadata }), {})
    if (at % 20 === 0) await slow.call('ListAgents', { agent_type: 2 }) // lets the streams write
  }
  deaf.resume()
  returning.resume()
  expect(await deaf.ended).toMatchObject({ code: 14, details: /read/ })
  expect(await returning.ended).toMatchObject({ code: 14, details: /read/ })
  expect(ids(deaf).length).toBeLessThan(changes + 400)
  const again = slow.open('Changes', { position: last(returning) })
  await again.until(3)
  expect(again.events.flatMap(({ providers }) => providers).map(({ id }) => id)).toEqual([
    ...wanted,
    'big',
  ])
}, 300_000)

const last = ({ events }: Watch<Change>): string => events.at(-1)?.position ?? ''
