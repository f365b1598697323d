import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { model, Remembered, say } from './terminal.js'

let folder: string
let registry: Remembered

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchgear-cli-'))
  registry = new Remembered()
  registry.known.push(model('gpt-x'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('export', () => {
  it('writes what is remembered to standard output, secrets hidden unless asked', async () => {
    const { exit, out, err, opened } = await say('export --store r.json', { registry })
    expect([exit, err, opened]).toEqual([0, '', ['/work/r.json']])
    expect(JSON.parse(out)).toMatchObject({ schemaVersion: '2.0', models: [{ id: 'gpt-x' }] })
    await say('export --with-secrets --store r.json', { registry })
    expect(registry.done).toEqual(['export', 'close', 'export with secrets', 'close'])
  })

  it('writes a file that only its owner may read, and never half of it', async () => {
    const said = await say('export -o out.json --with-secrets', { registry, folder })
    expect(said).toMatchObject({
      exit: 0,
      out: '',
      err: `Wrote ${join(folder, 'out.json')}, secrets included.\n`,
    })
    expect(JSON.parse(await readFile(join(folder, 'out.json'), 'utf8'))).toHaveProperty('models')
    if (process.platform !== 'win32')
      expect((await stat(join(folder, 'out.json'))).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['out.json'])
  })

  it('replaces a file only when told to', async () => {
    await writeFile(join(folder, 'out.json'), 'mine')
    const refused = await say('export --output out.json', { registry, folder })
    expect(refused).toMatchObject({
      exit: 1,
      out: '',
      err: `switchgear: ${join(folder, 'out.json')} is there already; --force replaces it\n`,
    })
    expect(await readFile(join(folder, 'out.json'), 'utf8')).toBe('mine')
    expect((await say('export --output out.json --force', { registry, folder })).exit).toBe(0)
    expect(await readFile(join(folder, 'out.json'), 'utf8')).toContain('gpt-x')
    expect(await readdir(folder)).toEqual(['out.json'])
  })

  it('fails where it cannot write, and leaves nothing behind', async () => {
    const missing = await say('export -o no/such/out.json', { registry, folder })
    expect(missing).toMatchObject({ exit: 1, out: '' })
    expect(missing.err).toMatch(/cannot write .*out\.json: its folder does not exist/)
    await rm(folder, { recursive: true })
    await writeFile(folder, '')
    const inFile = await say('export -o out.json', { registry, folder })
    expect(inFile.exit).toBe(1)
    expect(inFile.err).toMatch(/cannot write .*out\.json: /)
  })
})
