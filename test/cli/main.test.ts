import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { ServiceRegistry } from '../../src/index.js'
import { fileStore } from '../../src/store/file.js'
import { needs } from '../house/needs.js'
import { fileOf, readSources, root } from '../house/sources.js'

const program = join(root, 'dist/cli/main.js')

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchgear-main-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Ended {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

async function ended(child: ChildProcess): Promise<Ended> {
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const said = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  await once(child, 'close')
  return { exit: child.exitCode, ...said }
}

const surroundings = (): NodeJS.ProcessEnv => {
  const { REGISTRY_STORE: _, REGISTRY_URL: __, DEBUG: ___, ...env } = process.env
  return { ...env, XDG_DATA_HOME: folder, HOME: folder, LOCALAPPDATA: folder }
}

/** The built command, as a process of its own whose data directory is the folder of the test. */
function command(args: readonly string[], input = ''): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, env: surroundings() })
  child.stdin.end(input)
  return ended(child)
}

const file = (): string => join(folder, 'r.json')

/** A registry of this process that keeps itself in the file. */
async function keeping(): Promise<ServiceRegistry<Record<string, object>>> {
  const registry = new ServiceRegistry<Record<string, object>>({ store: fileStore(file()) })
  await registry.start()
  return registry
}

const provider = (name: string) => ({
  service: 'llm',
  name,
  provider: {},
  address: `http://${name}.example`,
  capabilities: [{ name: 'chat', version: '1.2' }],
  metadata: { apiKey: 'sk-secret' },
})

describe('the command switchgear', () => {
  beforeEach((context) => {
    needs(context, existsSync(program), 'dist/cli is not built: npm run build')
  })

  it('says what an empty data directory holds, and makes nothing there', async () => {
    const { exit, out, err } = await command(['list'])
    expect([exit, out]).toEqual([0, ''])
    expect(err).toContain('No providers in ')
    expect(err).toContain(join('switchgear', 'registry.json'))
    expect(await readdir(folder)).toEqual([])
  })

  it('brings a registry from one file to another', async () => {
    const first = await keeping()
    first.register(provider('a'))
    first.register(provider('b'))
    first.models.register({ id: 'gpt-x', provider: 'a', capabilities: ['chat'] })
    await first.flush()
    await first.close()

    const exported = await command(['export', '--store', 'r.json', '--with-secrets'])
    expect(exported).toMatchObject({ exit: 0, err: '' })
    const trial = await command(['import', '-', '--dry-run'], exported.out)
    expect(trial).toMatchObject({ exit: 0, err: '' })
    expect(trial.out).toMatch(/^\+ a\n\+ b\nProviders: 2 added, 0 changed, 0 unchanged\n/)
    expect((await command(['list', '--json'])).out).toBe('[]\n')

    const imported = await command(['import', '-'], exported.out)
    expect(imported).toMatchObject({ exit: 0, err: '' })
    expect(imported.out).toMatch(/Models: 1 added, 0 changed\nKept in /)
    const again = await command(['import', '-'], exported.out)
    expect(again.out).toMatch(/^Providers: 0 added, 0 changed, 2 unchanged\nKept in /)

    const { schemaVersion, providers, models } = JSON.parse(
      (await command(['export', '--with-secrets'])).out,
    )
    const { savedAt: _, ...rest } = JSON.parse(exported.out)
    expect({ schemaVersion, providers, models }).toMatchObject({
      schemaVersion: rest.schemaVersion,
      providers: rest.providers,
      models: rest.models,
    })
    expect((await command(['list'])).out).toMatch(/^NAME .*\na +llm .* chat@1\.2 +http:\/\/a\.ex/)
    expect((await command(['get', 'b'])).out).toMatch(/metadata apiKey +\*\*\*/)
    expect((await command(['list', 'models'])).out).toMatch(/^MODEL .*\ngpt-x +a /)
  })

  it('keeps secrets where a masked export is imported', async () => {
    const registry = await keeping()
    registry.register(provider('a'))
    await registry.close()
    const { out } = await command(['export', '--store', 'r.json'])
    expect(out).not.toContain('sk-secret')
    await command(['import', '-', '--store', 'r.json'], out)
    expect((await command(['export', '--store', 'r.json', '--with-secrets'])).out).toContain(
      'sk-secret',
    )
  })

  it('reads while a program uses the registry, and refuses to write', async () => {
    const registry = await keeping()
    registry.register(provider('a'))
    await registry.flush()
    expect((await command(['list', '--store', 'r.json'])).out).toMatch(/\na +llm /)
    expect((await command(['get', 'a', '--store', 'r.json'])).exit).toBe(0)
    const { out } = await command(['export', '--store', 'r.json'])
    const refused = await command(['import', '-', '--store', 'r.json'], out)
    expect(refused).toMatchObject({ exit: 1, out: '' })
    expect(refused.err).toMatch(/^switchgear: .*r\.json.* is in use by .*\n$/)
    registry.register(provider('b'))
    await registry.flush()
    expect((await command(['get', 'b', '--store', 'r.json'])).exit).toBe(0)
    await registry.close()
  })

  it('reads what is not well', async () => {
    const registry = await keeping()
    registry.register({ ...provider('a'), dependencies: ['gone'] })
    registry.register({ ...provider('b'), health: { check: () => false } })
    registry.circuit('a').trip(60_000, 'quota spent')
    await registry.healthCheckAll()
    await registry.close()
    const kept = await readFile(file(), 'utf8')
    const { exit, out, err } = await command(['list', '--store', 'r.json'])
    expect([exit, err]).toEqual([0, ''])
    expect(out).toMatch(/\na +llm +- +degraded +open /)
    expect(out).toMatch(/\nb +llm +- +unhealthy /)
    const one = await command(['get', 'a', '--store', 'r.json'])
    expect(one).toMatchObject({ exit: 0, err: '' })
    expect(one.out).toMatch(/lost +gone: is not registered\n/)
    expect(one.out).toMatch(/circuit +open, quota spent, may be tried in \d+ s/)
    expect((await command(['export', '--store', 'r.json'])).exit).toBe(0)
    expect(await readFile(file(), 'utf8')).toBe(kept)
  })

  it('changes nothing when what it reads is wrong', async () => {
    const registry = await keeping()
    registry.register(provider('a'))
    await registry.close()
    const before = (await command(['export', '--store', 'r.json', '--with-secrets'])).out
    const snapshot = JSON.parse(before)
    const bad = { ...snapshot, providers: [{ ...snapshot.providers[0], name: 'b' }, { name: 7 }] }
    for (const [input, message] of [
      [JSON.stringify(bad), /providers\[1\]/],
      [
        JSON.stringify({ ...snapshot, schemaVersion: '99.0' }),
        /Unsupported registry version: 99\.0/,
      ],
      ['{', /no JSON/],
    ] as const) {
      const refused = await command(['import', '-', '--store', 'r.json'], input)
      expect(refused).toMatchObject({ exit: 1, out: '' })
      expect(refused.err).toMatch(message)
      expect(refused.err).not.toMatch(/\n {4}at /)
    }
    const after = JSON.parse((await command(['export', '--store', 'r.json', '--with-secrets'])).out)
    expect(after.providers).toEqual(snapshot.providers)
  })

  it('keeps what is in a file of the first version', async () => {
    const old = JSON.stringify({
      version: '1.0',
      timestamp: '2025-01-01T00:00:00',
      services: {
        comfyui: {
          name: 'comfyui',
          version: '1.2.0',
          api_version: '1.0',
          capabilities: [{ name: 'image_generation', version: '1.0', parameters: {} }],
          models: ['sd-xl'],
          resource_limits: {},
          status: 'healthy',
          last_updated: '2025-01-01T00:00:00',
        },
      },
      llm_models: {
        'gpt-x': {
          model_id: 'gpt-x',
          provider: 'openai',
          capabilities: ['chat'],
          context_length: 8_192,
          cost_per_1k_tokens: { input: 0.001, output: 0.002 },
        },
      },
    })
    const imported = await command(['import', '-'], old)
    expect(imported.exit).toBe(0)
    expect(imported.out).toContain('Models: 1 added, 0 changed')
    expect((await command(['list', 'models'])).out).toMatch(/gpt-x +openai +8192 +0\.001 +0\.002/)
    expect((await command(['list'])).out).toMatch(/comfyui +comfyui +1\.2\.0 +healthy/)
  })

  it('says in one line what is wrong with a damaged file, and leaves it', async () => {
    await writeFile(file(), '{"schemaVersion": "2.0", garbage')
    for (const args of [['list'], ['get', 'x'], ['export']]) {
      const said = await command([...args, '--store', 'r.json'])
      expect(said).toMatchObject({ exit: 1, out: '' })
      expect(said.err).toMatch(/^switchgear: .*r\.json/)
      expect(said.err).not.toMatch(/\n {4}at /)
    }
    expect(await readFile(file(), 'utf8')).toContain('garbage')
  })

  it('ends quietly when nobody reads on', async (context) => {
    needs(context, process.platform !== 'win32', 'pipes of a POSIX shell')
    const registry = await keeping()
    for (let at = 0; at < 2_000; at++) registry.register(provider(`provider-${at}`))
    await registry.close()
    const script = '"$0" "$1" export --store r.json | head -n 2; echo "exit $PIPESTATUS"'
    const shell = spawn('bash', ['-c', script, process.execPath, program], {
      cwd: folder,
      env: surroundings(),
    })
    expect(await ended(shell)).toEqual({
      exit: 0,
      out: '{\n  "schemaVersion": "2.0",\nexit 0\n',
      err: '',
    })
  })

  it('says in a line that its output cannot be written', async (context) => {
    needs(context, existsSync(program), 'dist is not built: npm run build')
    if (!existsSync('/dev/full')) return context.skip('this machine has no /dev/full')
    const child = spawn('sh', ['-c', '"$0" "$1" --help > /dev/full', process.execPath, program])
    const { exit, err } = await ended(child)
    expect(exit).toBe(1)
    expect(err).toMatch(/^switchgear: cannot write the output: ENOSPC[^\n]*\n$/)
  })

  it('paints nothing where no terminal reads', async () => {
    const registry = await keeping()
    registry.register(provider('a'))
    await registry.close()
    for (const args of [['list'], ['get', 'a']]) {
      const { out } = await command([...args, '--store', 'r.json'])
      expect(out).not.toContain('\u001b')
    }
  })

  it.each([
    [['--help'], 0, /Usage: switchgear/],
    [['--version'], 0, /^\d+\.\d+\.\d+/],
    [['lst'], 2, /did you mean 'list'/],
    [['get', 'nobody'], 1, /no provider 'nobody'/],
  ] as const)('%j ends with %d', async (args, exit, said) => {
    const result = await command(args)
    expect(result.exit).toBe(exit)
    expect(exit === 0 ? result.out : result.err).toMatch(said)
    expect(exit === 0 ? result.err : result.out).toBe('')
  })
})

describe('what is loaded', () => {
  /** What a file imports when it is loaded, types aside. */
  const eager = (text: string): string[] =>
    [...text.matchAll(/^import (?!type\b)(?:[^'"]*?from )?'(\.[^']+)'/gm)].map(
      ([, name]) => name ?? '',
    )

  it('is little for help: the registry comes only with a command that needs it', () => {
    const files = new Map(readSources().map((source) => [source.path, source.text]))
    const seen = new Set(['cli/main.ts'])
    for (const path of seen)
      for (const name of eager(files.get(path) ?? '')) seen.add(fileOf(path, name))
    expect(seen).toContain('cli/help.ts')
    expect(
      [...seen].filter((path) => /^(?:registry|store|resolve|cli\/commands)\//.test(path)),
    ).toEqual([])
    expect(seen.size).toBeLessThan(25)
  })
})
