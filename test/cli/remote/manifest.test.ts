import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { say } from '../terminal.js'
import { ask, serving } from './serving.js'

const manifest = {
  ...{ id: 'weather', name: 'Weather', version: '1.2.0', author: 'nobody' },
  provides: { capabilities: ['forecast', 'history@2'] },
  requires: { capabilities: ['geocode', 'tides'], optional: ['maps'] },
  interfaces: { http: { port: 8_080 }, module: { entry: 'x', class: 'Y' } },
}

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchgear-manifest-'))
  onTestFinished(() => rm(folder, { recursive: true }))
})

const write = (value: unknown, file = 'm.json') =>
  writeFile(join(folder, file), typeof value === 'string' ? value : JSON.stringify(value))

it('registers what it says, and names what is required and not there', async () => {
  const server = await serving()
  await ask(server, 'register maps --capability tides')
  await write(manifest)
  const { exit, out, err } = await ask(server, 'register --manifest m.json', { folder })
  expect([exit, out]).toEqual([0, expect.stringMatching(/^Registered weather at /)])
  expect(err).toMatch(/\nIt requires geocode, which nobody here has now\.\n$/)
  expect(server.operations.get('weather')).toMatchObject({
    ...{ name: 'Weather', version: '1.2.0', capabilities: ['forecast', 'history@2'] },
    ...{ location: 'http://localhost:8080', mode: 'http' },
  })
})

it('is less than what flags say', async () => {
  const server = await serving()
  await write(manifest)
  const args =
    'register w2 --manifest m.json --name W --version 2 --capability sun --location http://127.0.0.1:9'
  expect((await ask(server, args, { folder })).exit).toBe(0)
  expect(server.operations.get('w2')).toMatchObject({
    ...{ name: 'W', version: '2', capabilities: ['sun'], location: 'http://127.0.0.1:9' },
  })
})

it.each<[unknown, string]>([
  ['{', 'm.json holds no JSON object'],
  ['[]', 'm.json holds no JSON object'],
  [{ ...manifest, id: 7 }, 'm.json: id should be a text of one line'],
  [{ ...manifest, provides: { capabilities: 'x' } }, 'provides.capabilities should be a list'],
  [{ ...manifest, requires: { capabilities: [''] } }, 'requires.capabilities should be a list'],
  [{ ...manifest, interfaces: { http: { port: '80' } } }, 'interfaces.http.port should be a whole'],
  [{ name: 'x' }, 'm.json has no id; give ID as well'],
])('that is wrong is refused: %j', async (value, message) => {
  await write(value)
  const said = await say('register --manifest m.json', { folder })
  expect([said.out, said.err]).toEqual(['', expect.stringContaining(message)])
  expect([1, 2]).toContain(said.exit)
})

it('that is not there is said so', async () => {
  expect(await say('register --manifest nowhere.json', { folder })).toMatchObject({
    ...{ exit: 1, out: '' },
    err: 'switchgear: --manifest nowhere.json cannot be read: there is no such file; give a file of JSON\n',
  })
})
