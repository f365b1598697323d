import { expect, it } from 'vitest'
import { moduleHandler, moduleListener, ServiceLocator } from '../../src/client/index.js'
import { AllProvidersFailedError, BackendError, HttpError } from '../../src/core/errors.js'
import { FakeClock } from '../../src/testing/index.js'
import { serve } from '../core/servers.js'
import { json, RegistryDouble } from './double.js'

const nowhere = 'http://127.0.0.1:1'

/** A provider that counts, and answers with its name or as it is told. */
async function provider(double: RegistryDouble, id: string, status = 200) {
  const calls: string[] = []
  const server = await serve((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      calls.push(body)
      json(response, status, status === 200 ? { by: id } : { error: `${id} cannot` })
    })
  })
  double.add({ id, capabilities: ['weather'], location: `${server.url}/`, mode: 'http' })
  return calls
}

async function start() {
  const double = await RegistryDouble.start()
  const clock = new FakeClock()
  return { double, clock, locator: new ServiceLocator({ registryUrl: double.url, clock }) }
}
const asked = (double: RegistryDouble) => double.count('GET', '/api/capabilities/weather')

it('locates, and asks again after a minute or when the cache is cleared', async () => {
  const { double, clock, locator } = await start()
  await provider(double, 'a')
  expect((await locator.locate('weather')).id).toBe('a')
  await clock.advance(59_999)
  await locator.locate('weather')
  expect(asked(double)).toBe(1)
  await clock.advance(1)
  await locator.locate('weather')
  expect(asked(double)).toBe(2)
  locator.clearCache()
  await locator.locate('weather')
  expect(asked(double)).toBe(3)
})

it('says that nobody has it', async () => {
  const { locator } = await start()
  await expect(locator.locate('weather')).rejects.toMatchObject({
    status: 404,
    message: expect.stringContaining('locate the capability "weather"'),
  })
})

it('keeps the last one that was found while the registry is gone', async () => {
  const { double, clock, locator } = await start()
  await provider(double, 'a')
  await locator.locate('weather')
  await clock.advance(60_000)
  await double.kill()
  let found: string | undefined
  void locator.locate('weather').then(({ id }) => {
    found = id
  })
  await expect
    .poll(
      async () => {
        await clock.advance(500)
        return found
      },
      { timeout: 10_000 },
    )
    .toBe('a')
})

it('invokes the real provider side, with parameters', async () => {
  const { double, locator } = await start()
  const sky = moduleHandler({ name: 'sky', capabilities: { weather: (params) => [params] } })
  const { url } = await serve(moduleListener(sky))
  double.add({ id: 'sky', capabilities: ['weather'], location: `${url}/?x=1`, mode: 'http' })
  expect(await locator.invoke('weather', { city: 'Oslo' })).toEqual([{ city: 'Oslo' }])
  expect(await locator.invoke('weather')).toEqual([{}])
})

it('tries another provider where the first could not have begun, and remembers it', async () => {
  const { double, locator } = await start()
  double.add({ id: 'dead', capabilities: ['weather'], location: nowhere, mode: 'http' })
  double.add({ id: 'inside', capabilities: ['weather'], mode: 'embedded' })
  const busy = await provider(double, 'busy', 503)
  const calls = await provider(double, 'b')
  expect(await locator.invoke('weather', { city: 'Oslo' })).toEqual({ by: 'b' })
  expect(busy).toHaveLength(1)
  expect(await locator.invoke('weather')).toEqual({ by: 'b' })
  expect(calls.map((body) => JSON.parse(body))).toEqual([
    { capability: 'weather', params: { city: 'Oslo' } },
    { capability: 'weather', params: {} },
  ])
  expect(asked(double)).toBe(1)
})

it('tries no other where the work may have begun, unless it may be done twice', async () => {
  const { double, locator } = await start()
  const first = await provider(double, 'a', 500)
  const second = await provider(double, 'b')
  const refused = locator.invoke('weather')
  await expect(refused).rejects.toThrow(BackendError)
  await expect(refused).rejects.toThrow(/could not do "weather"; it answered with status 500: a ca/)
  expect([first.length, second.length]).toEqual([1, 0])
  expect(await locator.invoke('weather', {}, { idempotent: true })).toEqual({ by: 'b' })
  expect([first.length, second.length]).toEqual([2, 1])
})

it('tries three at most, and tells of each', async () => {
  const { double, locator } = await start()
  for (const id of ['a', 'b', 'c', 'd'])
    double.add({ id, capabilities: ['weather'], location: nowhere, mode: 'http' })
  const failed = await locator.invoke('weather').catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(AllProvidersFailedError)
  expect(failed).toMatchObject({
    service: 'weather',
    attempts: [
      { provider: 'a', cause: 'refused' },
      { provider: 'b', cause: 'refused' },
      { provider: 'c', cause: 'refused' },
    ],
  })
})

it('forgets a provider that fails, and keeps one that only says no', async () => {
  const { double, locator } = await start()
  await provider(double, 'a', 400)
  await expect(locator.invoke('weather')).rejects.toMatchObject({ status: 400 })
  await locator.locate('weather')
  expect(asked(double)).toBe(1)
  double.add({ id: 'a', capabilities: ['weather'], location: nowhere, mode: 'http' })
  locator.clearCache()
  await expect(locator.invoke('weather')).rejects.toMatchObject({ kind: 'refused' })
  await locator.locate('weather')
  expect(asked(double)).toBe(3)
})

it('never follows a location to where nobody may connect', async () => {
  const { double, locator } = await start()
  const location = 'http://169.254.169.254/latest'
  double.add({ id: 'evil', capabilities: ['weather'], location, mode: 'http' })
  await expect(locator.invoke('weather')).rejects.toMatchObject({ kind: 'forbidden' })
})

it('gives up when the caller does, and asks nobody else', async () => {
  const { double, locator } = await start()
  const stop = new AbortController()
  const hanging = await serve(() => stop.abort())
  double.add({ id: 'a', capabilities: ['weather'], location: hanging.url, mode: 'http' })
  const calls = await provider(double, 'b')
  const options = { signal: stop.signal, idempotent: true }
  await expect(locator.invoke('weather', {}, options)).rejects.toMatchObject({ kind: 'aborted' })
  expect(calls).toEqual([])
})

it('says of a provider that cannot be invoked why that is so', async () => {
  const { double, locator } = await start()
  double.add({ id: 'inside', capabilities: ['weather'], mode: 'embedded' })
  await expect(locator.invoke('weather')).rejects.toThrow(/"inside" is of mode embedded; only http/)
  expect(await locator.locate('weather')).toMatchObject({ id: 'inside' })
})

it('rejects with an error of ours for garbage', async () => {
  const { double, locator } = await start()
  double.answerWith = (_, response) => {
    response.end('[]')
    return true
  }
  await expect(locator.locate('weather')).rejects.toThrow(HttpError)
})
