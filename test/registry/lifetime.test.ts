import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, type TestContext } from 'vitest'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'

const run = promisify(execFile)

/** Runs a script in a process of its own; what it prints. Ended from outside, it fails. */
async function inProcess(context: TestContext, script: string): Promise<string> {
  needs(context, existsSync(join(root, 'dist/index.js')), 'dist/; run `npm run build`')
  const args = ['--expose-gc', '--input-type=module', '--eval', script]
  const { stdout } = await run(process.execPath, args, { cwd: root, timeout: 15_000 })
  return stdout.trim()
}

const prelude = `
  import { ServiceRegistry, weighted } from 'switchgear'
  const settle = async () => { for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate) }
  const gone = async (refs) => {
    for (let turn = 0; turn < 20; turn++) {
      await settle()
      gc()
      if (refs.every((ref) => ref.deref() === undefined)) return 'gone'
    }
    return 'still there: ' + refs.map((ref, at) => ref.deref() === undefined ? '' : at).join(' ')
  }
  class Model {
    data = new Array(1_000).fill('x')
    well = true
    isHealthy() { return this.well }
    async chat(text) { if (text === 'fail') throw new Error('no'); return text }
    sync() { return 1 }
    async *tokens() { yield 1; yield 2 }
  }
`

/** Uses an instance in every way there is; nothing of it stays in a variable. */
const use = `
  const use = async (registry, handle, service) => {
    const view = await registry.getService(service)
    await view?.chat('hello')
    view?.sync()
    await view?.chat('fail').catch(() => {})
    for await (const _ of view?.tokens() ?? []);
    const client = registry.client(service)
    await client.chat('hello')
    await registry.call(service, {}, (model, { signal }) => (signal, model.chat('x')))
    for await (const _ of registry.stream(service, {}, (model) => model.tokens()));
    const lease = registry.resolve(service)
    await lease?.run((model) => model.chat('x'))
    registry.resolve(service)?.succeed()
    await registry.healthCheckAll()
    registry.explain(service)
    const circuit = registry.circuit(handle.name)
    circuit.opossum.on('success', () => {})
    circuit.trip(1)
    return [client, lease, circuit, handle]
  }
`

describe('an instance', () => {
  const ways: Record<string, string> = {
    'unregister()': 'handle.unregister()',
    'unregister(name)': 'registry.unregister(handle.name)',
    'drain()': 'await handle.drain()',
    dispose: 'handle[Symbol.dispose]()',
    'clear()': 'registry.clear()',
    'close()': 'await registry.close()',
    'replace: true':
      'registry.register({ service, name: handle.name, provider: {}, replace: true })',
  }

  for (const [way, leave] of Object.entries(ways))
    it(`is not held any more after ${way}`, async (context) => {
      const script = `${prelude} ${use}
        const refs = []
        const kept = []
        let registry
        const once = async (service, more) => {
          registry ??= new ServiceRegistry({ health: { maxAgeMs: 0 } })
          const model = new Model()
          refs.push(new WeakRef(model))
          const handle = registry.register({ service, provider: model, ...more })
          kept.push(await use(registry, handle, service))
          ${leave}
        }
        await once('a', {})
        ${way === 'close()' ? 'kept.push(registry); registry = undefined' : ''}
        await once('b', { strategy: 'weighted', credential: 'c', withSignal: (_, args) => args })
        console.log(await gone(refs), kept.length > 0)
      `
      expect(await inProcess(context, script)).toBe('gone true')
    })

  it('is held while it is registered: the test can tell', async (context) => {
    const script = `${prelude}
      const registry = new ServiceRegistry()
      const refs = []
      const once = () => {
        const model = new Model()
        refs.push(new WeakRef(model))
        registry.register({ service: 'llm', provider: model })
      }
      once()
      console.log(await gone(refs), registry.list().length)
    `
    expect(await inProcess(context, script)).toBe('still there: 0 1')
  })

  it('that connect made, that was in flight, or that was unwell is not held either', async (context) => {
    const script = `${prelude}
      const refs = []
      const registry = new ServiceRegistry({ health: { maxAgeMs: 0 } })
      const connected = registry.register({
        service: 'a',
        connect: async () => { const model = new Model(); refs.push(new WeakRef(model)); return model },
      })
      await (await registry.getService('a')).chat('x')
      connected.unregister()

      let end
      const flying = registry.register({ service: 'b', provider: (() => {
        const model = new Model()
        model.chat = () => new Promise((resolve) => { end = resolve })
        refs.push(new WeakRef(model))
        return model
      })() })
      const call = registry.call('b', {}, (model) => model.chat())
      await settle()
      flying.unregister()
      end('done')
      await call

      const sick = registry.register({ service: 'c', provider: (() => {
        const model = new Model()
        model.well = false
        refs.push(new WeakRef(model))
        return model
      })() })
      await registry.getService('c')
      sick.unregister()
      await settle()
      end = undefined
      console.log(await gone(refs), refs.length)
    `
    expect(await inProcess(context, script)).toBe('gone 3')
  })

  it('B-C17: a guarded view nobody keeps is not held by the registry once it left', async (context) => {
    const script = `${prelude}
      const registry = new ServiceRegistry()
      const refs = []
      await (async () => {
        const handle = registry.register({ service: 'llm', provider: new Model() })
        const view = await registry.getService('llm')
        refs.push(new WeakRef(view))
        handle.unregister()
      })()
      console.log(await gone(refs))
    `
    expect(await inProcess(context, script)).toBe('gone')
  })
})

describe('a registry that nobody closed', () => {
  it('lets the process exit, whatever it waits for in the background', async (context) => {
    const script = `${prelude}
      const registry = new ServiceRegistry({ circuit: { failureThreshold: 1, recoveryTimeoutMs: 600_000 } })
      for (const name of ['a', 'b', 'c'])
        registry.register({ service: 'llm', name, provider: new Model() })
      registry.circuit('a').recordFailure()
      registry.circuit('b').trip(300_000)
      registry.circuit('b').opossum.status.on('snapshot', () => {})
      registry.on('call.succeeded', () => {})
      registry.events().next()
      await (await registry.getService('llm')).chat('x')
      await registry.client('llm').chat('x')
      await registry.call('llm', {}, (model) => model.chat('x'), { timeoutMs: 600_000 })
      registry.resolve('llm')
      console.log('end')
    `
    const startedAt = performance.now()
    expect(await inProcess(context, script)).toBe('end')
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  })

  it('keeps it alive for what somebody awaits: a check, readiness, a call’s time-out', async (context) => {
    const script = `${prelude}
      const never = () => new Promise(() => {})
      const registry = new ServiceRegistry({ health: { timeoutMs: 50 } })
      registry.register({ service: 'llm', provider: { isHealthy: never } })
      console.log(await registry.getService('llm'))
      console.log(await registry.waitReady({ services: ['nothing'], timeoutMs: 50 }))
      registry.register({ service: 'slow', provider: {}, circuit: { timeoutMs: 50 } })
      console.log(await registry.call('slow', {}, never).catch(({ name }) => name))
    `
    expect(await inProcess(context, script)).toBe('undefined\nfalse\nCallTimeoutError')
  })
})

describe('what a store tells of others', () => {
  it('is not held once it was taken over, although the registry goes on following', async (context) => {
    const printed = await inProcess(
      context,
      `${prelude}
      const refs = []
      const store = {
        name: 'told', load: async () => undefined, apply: async () => {}, close: async () => {},
        async *watch(signal) {
          for (let i = 0; i < 10; i++) {
            const group = [{ section: 'leases', key: 'p' + i }]
            refs.push(new WeakRef(group))
            yield group
          }
          yield []
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
        },
      }
      const registry = new ServiceRegistry({ store })
      await registry.start()
      while (refs.length < 10) await settle()
      console.log(await gone(refs.slice(0, 9)))
      await registry.close()`,
    )
    expect(printed).toBe('gone')
  })
})

describe('what a source says', () => {
  it('is not held once it was taken over, although the registry goes on watching', async (context) => {
    const printed = await inProcess(
      context,
      `${prelude}
      const refs = []
      const source = {
        name: 'told',
        async *watch(signal) {
          for (let i = 0; i < 10; i++) {
            const view = { sightings: [] }
            refs.push(new WeakRef(view))
            yield view
          }
          yield { sightings: [] }
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
        },
      }
      const registry = new ServiceRegistry({ sources: [source] })
      await registry.start()
      while (refs.length < 10) await settle()
      console.log(await gone(refs.slice(0, 9)))
      await registry.close()`,
    )
    expect(printed).toBe('gone')
  })
})
