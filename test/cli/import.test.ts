import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CorruptSnapshotError } from '../../src/index.js'
import { model, Remembered, say } from './terminal.js'

let folder: string
let registry: Remembered

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchgear-cli-'))
  registry = new Remembered()
  await writeFile(join(folder, 'in.json'), '\ufeff{"schemaVersion":"2.0"}')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Counts what is in a file. */
const counting = async (): Promise<Remembered> => {
  const scratch = new Remembered()
  scratch.known.push(model('a'), model('b'), model('c'), model('d'))
  scratch.result = { added: ['b'], changed: [] }
  return scratch
}

describe('import', () => {
  it('changes the registry, waits until it is kept, and says what it did', async () => {
    registry.result = { added: ['a', 'b\u001b[2J'], changed: ['c'] }
    const said = await say('import in.json --store r.json', {
      registry,
      folder,
      scratch: counting,
    })
    expect(said).toMatchObject({
      exit: 0,
      err: '',
      opened: [`${join(folder, 'r.json')} to write`],
      out: `+ a\n+ b\n~ c\n2 added, 1 changed, 1 unchanged in ${join(folder, 'r.json')}\n`,
    })
    expect(registry.done).toEqual(['import {"schemaVersion":"2.0"}', 'flush', 'close'])
  })

  it('reads standard input', async () => {
    const said = await say('import -', { registry, input: async () => '{"version":"1.0"}' })
    expect(said.exit).toBe(0)
    expect(registry.done[0]).toBe('import {"version":"1.0"}')
  })

  it('tries on a copy, and writes nothing, with --dry-run', async () => {
    const said = await say('import in.json --dry-run', { registry, folder, scratch: counting })
    expect(said.exit).toBe(0)
    expect(said.out).toMatch(/^\+ b\n1 added, 0 changed, 3 unchanged in .*nothing was done/)
    expect(said.opened).toEqual(['/home/me/.local/share/switchgear/registry.json'])
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
