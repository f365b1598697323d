import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

type Package = typeof import('switchgear')

const root = fileURLToPath(new URL('../..', import.meta.url))
const folders: string[] = []
let one: Package
let two: Package

/** Two installed copies, as two dependencies of an application may bring along. */
beforeAll(async () => {
  const built = mkdtempSync(join(tmpdir(), 'switchgear-'))
  folders.push(built)
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const project = join(root, 'tsconfig.build.json')
  execFileSync(process.execPath, [tsc, '-p', project, '--outDir', join(built, 'dist')])
  cpSync(join(root, 'package.json'), join(built, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(built, 'node_modules'), 'dir')
  const copy = mkdtempSync(join(tmpdir(), 'switchgear-'))
  folders.push(copy)
  cpSync(join(built, 'dist'), join(copy, 'dist'), { recursive: true })
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir')
  const load = async (folder: string): Promise<Package> =>
    import(/* @vite-ignore */ pathToFileURL(join(folder, 'dist', 'index.js')).href)
  one = await load(built)
  two = await load(copy)
}, 120_000)

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

describe('two copies of the package', () => {
  it('are two, and know each other’s errors', async () => {
    expect(one.NoProviderError).not.toBe(two.NoProviderError)
    const registry = new two.ServiceRegistry<{ llm: () => Promise<string> }>()
    const error = await registry.call('llm', {}, (llm) => llm()).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(two.NoProviderError)
    expect(error).not.toBeInstanceOf(one.NoProviderError)
    expect(one.isSwitchgearError(error)).toBe(true)
    expect(error).toBeInstanceOf(one.SwitchgearError)
    expect(one.isSwitchgearError(new Error('x'))).toBe(false)
    expect(one.isSwitchgearError({ code: 'SWITCHGEAR_NO_PROVIDER' })).toBe(false)
    const all = new two.AllProvidersFailedError('llm', [])
    expect(one.isSwitchgearError(all)).toBe(true)
  })

  it('nested: a refusal of the inner one costs the provider of the outer one nothing', async () => {
    const inner = new two.ServiceRegistry<{ llm: () => Promise<string> }>()
    const outer = new one.ServiceRegistry<{ llm: () => Promise<string> }>()
    const client = inner.client('llm')
    outer.register({ service: 'llm', name: 'gateway', provider: () => client() })
    outer.register({ service: 'llm', name: 'direct', provider: async () => 'direct' })
    expect(await outer.call('llm', {}, (llm) => llm())).toBe('direct')
    expect(outer.circuit('gateway').stats).toMatchObject({ neutral: 1, failures: 0 })
  })

  it('nested: a client of one is a provider of the other', async () => {
    class Model {
      readonly #name = 'model'
      async ask(): Promise<string> {
        return this.#name
      }
      async *read() {
        yield this.#name
      }
    }
    const inner = new two.ServiceRegistry<{ llm: Model }>()
    inner.register({ service: 'llm', name: 'inner', provider: new Model() })
    const outer = new one.ServiceRegistry<{ llm: Model }>()
    outer.register({ service: 'llm', name: 'outer', provider: inner.client('llm') })
    const client = outer.client('llm')
    expect(await client.ask()).toBe('model')
    for await (const item of client.read()) expect(item).toBe('model')
    const guarded = await outer.requireService('llm')
    expect(await guarded.ask()).toBe('model')
    expect(inner.circuit('inner').stats.successes).toBe(3)
    expect(outer.circuit('outer').stats.successes).toBe(3)
  })
})
