import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Registry } from '../../src/cli/shell.js'
import { CorruptSnapshotError, ServiceRegistry } from '../../src/index.js'
import { model, Remembered, say } from './terminal.js'

let folder: string
let registry: Remembered

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchgear-cli-'))
  registry = new Remembered()
  await writeFile(join(folder, 'in.json'), '\ufeff{"schemaVersion":"2.0"}')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const provider = (name: string, fields: Readonly<Record<string, unknown>> = {}) => ({
  name,
  service: 'llm',
  handlers: ['*'],
  priority: 2,
  group: 0,
  capabilities: [],
  models: [],
  dependencies: [],
  metadata: {},
  weight: 1,
  address: `http://${name}.example`,
  origin: 'manual',
  ...fields,
})

const snapshot = (...providers: readonly object[]): string =>
  JSON.stringify({
    schemaVersion: '2.0',
    savedAt: '2026-01-01T00:00:00.000Z',
    providers,
    models: [model('gpt-x')],
    capabilities: [],
    circuits: [],
    health: [],
  })

/** Real registries without a store. */
const scratch = async (): Promise<Registry> => new ServiceRegistry()

describe('import', () => {
  it('changes the registry, waits until it is kept, and says what it did', async () => {
    registry.result = { added: ['a', 'b\u001b[2J'], changed: ['c'] }
    for (const name of ['a', 'b\u001b[2J', 'c'])
      registry.real.register({ service: 'llm', name, provider: {}, address: 'http://x' })
    const said = await say('import - --store r.json', {
      registry,
      folder,
      scratch,
      input: async () => snapshot(...['a', 'b', 'c', 'd'].map((name) => provider(name))),
    })
    expect(said).toMatchObject({
      exit: 0,
      err: '',
      opened: [`${join(folder, 'r.json')} to write`],
      out: `+ a\n+ b\n~ c\nProviders: 2 added, 1 changed, 1 unchanged\nKept in ${join(folder, 'r.json')}\n`,
    })
    expect(registry.done.at(-2)).toBe('flush')
    expect(registry.done.at(-1)).toBe('close')
  })

  it('reads standard input', async () => {
    const said = await say('import -', { registry, input: async () => '{"version":"1.0"}' })
    expect(said.exit).toBe(0)
    expect(registry.done[1]).toBe('import {"version":"1.0"}')
  })

  it('tries on a copy, and writes nothing, with --dry-run', async () => {
    const said = await say('import - --dry-run', {
      registry,
      scratch,
      input: async () => snapshot(provider('a'), provider('inside', { address: undefined })),
    })
    expect(said).toMatchObject({
      exit: 0,
      err: '',
      opened: ['/home/me/.local/share/switchgear/registry.json'],
    })
    expect(said.out).toMatch(
      /^\+ a\n\+ inside\nProviders: 2 added, 0 changed, 0 unchanged\nModels: 1 added, 0 changed\nNothing was done/,
    )
    expect(registry.done).toEqual(['export with secrets', 'close'])
  })

  it('says what is wrong with the snapshot, and closes what it opened', async () => {
    registry.fails = new CorruptSnapshotError('It is damaged', {
      issues: [{ field: 'providers[2].name', message: 'expected a text' }],
    })
    const said = await say('import in.json', { registry, folder })
    expect(said).toMatchObject({
      exit: 1,
      out: '',
      err: 'switchgear: It is damaged\n  providers[2].name: expected a text\n',
    })
    expect(registry.done.at(-1)).toBe('close')
  })

  it('fails on what cannot be read before it opens anything', async () => {
    await writeFile(join(folder, 'empty.json'), ' \n')
    await writeFile(join(folder, 'bad.json'), '{"a": ')
    for (const [args, message] of [
      ['import none.json', /cannot read none\.json: ENOENT/],
      ['import .', /cannot read \.: EISDIR/],
      ['import empty.json', /empty\.json is no JSON: it is empty; expected what switchgear export/],
      ['import bad.json', /bad\.json is no JSON: .*; expected/],
      ['import -', /standard input is no JSON: it is empty/],
    ] as const) {
      const said = await say(args, { registry, folder })
      expect(said).toMatchObject({ exit: 1, out: '', opened: [] })
      expect(said.err).toMatch(message)
    }
  })
})
