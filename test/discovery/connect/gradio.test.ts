import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  connectGradio,
  type GradioBackend,
  type GradioEvent,
} from '../../../src/discovery/index.js'
import { BackendError, HttpError, ServiceRegistry } from '../../../src/index.js'
import { serve } from '../../core/servers.js'
import { type GradioApp, type GradioVersion, startGradio } from '../../real/gradio.js'
import { needsPython } from '../../real/python.js'
import type { RealServer } from '../../real/server.js'
import { gradioDouble } from './gradio-double.js'
import { recordAt } from './record.js'

const never = new AbortController().signal
const timeout = 45_000

const connected = async (url: string): Promise<GradioBackend> =>
  connectGradio()(recordAt(url), never)

/** The client says on the console what it throws as well. */
function quiet(): void {
  const spies = [vi.spyOn(console, 'error'), vi.spyOn(console, 'warn')]
  for (const spy of spies) spy.mockImplementation(() => {})
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore()
  })
}

async function started(version: GradioVersion, app: GradioApp): Promise<RealServer> {
  const server = await startGradio(version, app)
  onTestFinished(() => server.stop())
  return server
}

// Once in many runs an answer of Gradio 4.44 did not come, when several were asked for at once; why is not known yet.
describe('connectGradio with real apps', { timeout, retry: 2 }, () => {
  for (const version of ['4.44', '5.29', '6.30'] as const)
    it(`calls functions of Gradio ${version}, also several at once`, async (context) => {
      needsPython(context, `gradio-${version}`)
      quiet()
      const { url } = await started(version, 'plain')
      const app = await connected(url)
      expect(app.version).toContain(`${version}.`)
      expect(await app.predict('/shout', ['quiet'])).toEqual(['QUIET'])
      const words = ['a', 'b', 'c', 'd']
      const loud = await Promise.all(words.map((word) => app.predict('/shout', [word])))
      expect(loud).toEqual([['A'], ['B'], ['C'], ['D']])
      const events: GradioEvent['type'][] = []
      for await (const { type } of app.submit('/repeat', ['ab', 2])) events.push(type)
      expect(events).toContain('data')
      expect(events.at(-1)).toBe('status')
      expect(await app.info()).toMatchObject({ named_endpoints: { '/shout': {} } })
      await expect(app.predict('/nowhere')).rejects.toMatchObject({ status: 400 })
      await expect(app.predict('/repeat', ['ab', 'many'])).rejects.toThrow(BackendError)
      app.close()
    })

  for (const version of ['3.34', '3.50'] as const)
    it(`refuses Gradio ${version}, which the client does not speak to`, async (context) => {
      needsPython(context, `gradio-${version}`)
      quiet()
      const { url } = await started(version, version === '3.34' ? 'rvc' : 'plain')
      await expect(connected(url)).rejects.toThrow(/speaks to Gradio 4 and later; use connectHttp/)
    })

  it('says that an app wants to know who one is', async (context) => {
    needsPython(context, 'gradio-6.30')
    const { url } = await started('6.30', 'locked')
    await expect(connected(url)).rejects.toMatchObject({ kind: 'status', status: 401 })
  })
})

describe('connectGradio', () => {
  it('asks nobody but the app at the address, and holds no connection while idle', async () => {
    const app = await gradioDouble()
    const fetched = vi.spyOn(globalThis, 'fetch')
    onTestFinished(() => fetched.mockRestore())
    const backend = await connected(app.url)
    const call = backend.predict('/slow')
    await expect.poll(app.isListenedTo).toBe(true)
    const [event_id] = app.jobs
    app.say({ msg: 'process_starts', event_id })
    app.say({ msg: 'log', event_id, log: 'working', level: 'info' })
    app.say({ msg: 'process_completed', event_id, success: true, output: { data: ['x'] } })
    app.say({ msg: 'close_stream' })
    expect(await call).toEqual(['x'])
    expect(fetched).not.toHaveBeenCalled()
    expect(app.asked.filter((path) => path.includes('heartbeat'))).toEqual([])
    backend.close()
  })

  it('is closed when its provider leaves', async () => {
    const app = await gradioDouble()
    const backend = await connected(app.url)
    const closed = vi.spyOn(backend, 'close')
    const registry = new ServiceRegistry<{ media: GradioBackend }>()
    registry.register({ service: 'media', name: 'app', connect: () => backend })
    await registry.client('media').info()
    expect(closed).not.toHaveBeenCalled()
    registry.unregister('app')
    await registry.close()
    expect(closed).toHaveBeenCalledOnce()
  })

  it('cancels a job that the caller gives up, or reads no further', async () => {
    quiet()
    const app = await gradioDouble()
    const backend = await connected(app.url)
    const giveUp = new AbortController()
    const call = backend.predict('/slow', [], { signal: giveUp.signal })
    await expect.poll(app.isListenedTo).toBe(true)
    giveUp.abort(new Error('enough'))
    await expect(call).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'enough' } })
    await expect.poll(() => app.asked.includes('/gradio_api/cancel')).toBe(true)
    for await (const _ of backend.submit('/slow')) break
    const cancels = (): number => app.asked.filter((path) => path === '/gradio_api/cancel').length
    await expect.poll(cancels).toBe(2)
    backend.close()
  })

  it('says that the app failed, is busy, or broke off, and goes on afterwards', async () => {
    quiet()
    const app = await gradioDouble()
    const backend = await connected(app.url)
    const answer = async (message: object): Promise<void> => {
      const before = app.jobs.length
      await expect.poll(() => app.jobs.length > before && app.isListenedTo()).toBe(true)
      app.say({ event_id: app.jobs.at(-1), msg: 'process_completed', ...message })
    }
    const answered = answer({ success: false, output: { error: 'no memory' } })
    await expect(backend.predict('/slow')).rejects.toThrow(/could not do \/slow: no memory/)
    await answered

    app.answerJoinWith(503)
    await expect(backend.predict('/slow')).rejects.toMatchObject({ status: 503 })
    app.answerJoinWith(200)

    const before = app.jobs.length
    const broken = backend.predict('/slow')
    await expect.poll(() => app.jobs.length > before).toBe(true)
    app.hangUp()
    await expect(broken).rejects.toBeInstanceOf(HttpError)
    await expect(broken).rejects.toMatchObject({ kind: 'reset' })

    const again = answer({ success: true, output: { data: ['y'] } })
    expect(await backend.predict('/slow')).toEqual(['y'])
    await again
    backend.close()
  })

  it('refuses an app of Gradio 3, and what is no app', async () => {
    quiet()
    const old = await gradioDouble({ version: '3.50.2', protocol: undefined })
    await expect(connected(old.url)).rejects.toThrow(/is an app of Gradio 3\.50\.2, and/)
    const other = await serve((_, response) => response.writeHead(404).end('{}'))
    await expect(connected(other.url)).rejects.toThrow(BackendError)
    const json = await serve((_, response) => response.end('{"ok":true}'))
    await expect(connected(json.url)).rejects.toThrow(/did not answer as an app of Gradio does/)
    await expect(connected('http://127.0.0.1:1')).rejects.toMatchObject({ kind: 'refused' })
  })

  it('fails over to another app', async () => {
    quiet()
    const app = await gradioDouble()
    const registry = new ServiceRegistry<{ media: GradioBackend }>()
    const registration = { service: 'media', connect: connectGradio(), idempotent: true } as const
    registry.register({ ...registration, name: 'a', address: 'http://127.0.0.1:1' })
    registry.register({ ...registration, name: 'b', address: app.url })
    const call = registry.client('media').predict('/slow', [])
    await expect.poll(app.isListenedTo).toBe(true)
    const [event_id] = app.jobs
    app.say({ msg: 'process_completed', event_id, success: true, output: { data: ['b'] } })
    expect(await call).toEqual(['b'])
    expect(registry.get('a')?.circuit.failures).toBe(1)
    await registry.close()
  })
})
