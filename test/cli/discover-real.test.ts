import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { ServiceRegistry } from '../../src/index.js'
import { fileStore } from '../../src/store/file.js'
import { type FakeBackendOptions, startFakeBackend } from '../../src/testing/fake-backend.js'
import { createAuthority, hasOpenssl } from '../core/certificates.js'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'

/** A build of its own, inside the project so that it finds its packages, and ignored by git. */
const built = join(root, `reports/cli-${process.pid}`)
const program = join(built, 'dist/cli/main.js')
const data = join(built, 'data')

beforeAll(async () => {
  mkdirSync(data, { recursive: true })
  cpSync(join(root, 'package.json'), join(built, 'package.json'))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  // Whether types are right is for others to say.
  const quick = ['--noCheck', '--declaration', 'false', '--isolatedDeclarations', 'false']
  const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', join(built, 'dist'), ...quick]
  await promisify(execFile)(process.execPath, args, { cwd: root })
})
beforeEach(() => rmSync(join(data, 'switchgear'), { recursive: true, force: true }))
afterAll(() => rmSync(built, { recursive: true, force: true }))

type Kind = Parameters<typeof startFakeBackend>[0]

async function backend(kind: Kind, options?: FakeBackendOptions) {
  const running = await startFakeBackend(kind, options)
  onTestFinished(() => running.close())
  return running
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const { REGISTRY_STORE: _, REGISTRY_URL: __, DEBUG: ___, ...mine } = process.env
  const surroundings = { ...mine, XDG_DATA_HOME: data, LOCALAPPDATA: data, HOME: data, ...env }
  const child = spawn(process.execPath, [program, ...args], { cwd: built, env: surroundings })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

async function command(args: readonly string[], env?: NodeJS.ProcessEnv) {
  const child = start(args, env)
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

/** Ports on which nobody listens now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

const only = ['--no-range', '--only', 'ollama,comfyui,litellm']

describe('the built command', () => {
  it('finds what runs, with models, keeps it, and lists it at once', async () => {
    const [ollama, comfyui] = await Promise.all([backend('ollama'), backend('comfyui')])
    const ports = ['--port', `ollama=${ollama.port}`, '--port', `comfyui=${comfyui.port}`]
    const { exit, out, err } = await command(['discover', ...only, ...ports, '--save'])
    expect(exit).toBe(0)
    expect(err).toMatch(/^Found \d+ back ends? at \d+ ports in \d/)
    expect(out).toMatch(new RegExp(`\\nOllama +${ollama.url} .* healthy .*/api/tags has models`))
    expect(out).toMatch(new RegExp(`\\nComfyUI +${comfyui.url} .* image_generation`))
    expect(out).toContain(`+ ollama@127.0.0.1:${ollama.port}\n`)
    expect(`${out}${err}`).not.toContain('\u001b')
    const list = await command(['list'])
    expect(list.out).toMatch(new RegExp(`\\nollama@127.0.0.1:${ollama.port} +llm .* healthy `))
    expect((await command(['list', 'models'])).out).toMatch(/ ollama /)
    const again = await command(['discover', ...only, ...ports, '--save'])
    expect(again.out).toMatch(/\nProviders: 0 added, 0 changed, \d+ unchanged\nKept in /)
  })

  it('asks with a key from the environment, and never shows it', async () => {
    const { port } = await backend('litellm', { key: 'sk-very-secret' })
    const args = ['discover', '--json', ...only, '--port', `litellm=${port}`]
    const at = (out: string) =>
      JSON.parse(out).found.find(
        ({ name }: { name: string }) => name === `litellm@127.0.0.1:${port}`,
      )
    const without = await command(args)
    expect(at(without.out)).toMatchObject({ needsCredentials: true, models: [] })
    const env = { MY_KEY: 'sk-very-secret' }
    const given = await command([...args, '--key-env', 'litellm=MY_KEY', '--save'], env)
    expect(at(given.out)).toMatchObject({ needsCredentials: false, health: 'healthy' })
    expect(at(given.out).models).not.toEqual([])
    const kept = await command(['export', '--with-secrets'])
    expect(`${given.out}${given.err}${kept.out}`).not.toContain('sk-very-secret')
  })

  it('looks at an address that is named, also over https', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const { url, port } = await backend('ollama')
    const authority = createAuthority()
    onTestFinished(() => authority.remove())
    const front = createSecureServer(
      authority.issue('server', 'DNS:localhost'),
      (asked, answer) => {
        const passed = request(`${url}${asked.url}`, { method: asked.method }, (response) => {
          answer.writeHead(response.statusCode ?? 500, response.headers)
          response.pipe(answer)
        })
        asked.pipe(passed)
      },
    ).listen(0, '127.0.0.1')
    onTestFinished(() => void front.close())
    await once(front, 'listening')
    const at = front.address()
    const secure = `https://localhost:${typeof at === 'object' ? at?.port : 0}`
    const ca = join(data, 'ca.pem')
    writeFileSync(ca, authority.ca)
    const addresses = ['--address', secure, '--address', `ollama=http://127.0.0.1:${port}`]
    const { out } = await command(['discover', ...only, '--json', ...addresses], {
      NODE_EXTRA_CA_CERTS: ca,
    })
    const found = JSON.parse(out).found.map(({ address }: { address: string }) => address)
    expect(found).toContain(secure)
    expect(found).toContain(`http://127.0.0.1:${port}`)
  })

  it('reports ports and hosts that cannot be used, and goes on', async () => {
    const { port } = await backend('ollama')
    const { exit, err } = await command(
      ['discover', ...only, '--port', `ollama=70000,http,${port}`].concat([
        '--host',
        'comfyui=169.254.169.254',
        '--host',
        'comfyui=bad host',
      ]),
    )
    expect(exit).toBe(0)
    expect(err).toContain('--port ollama=70000: is no port')
    expect(err).toContain('--port ollama=http: is no port')
    expect(err).toContain('--host comfyui=bad host: is no host')
    expect(err).toMatch(/--host comfyui=169\.254\.169\.254: Refused to connect/)
  })

  it('keeps nothing while a program uses the registry', async () => {
    const { port } = await backend('ollama')
    const registry = new ServiceRegistry({ store: fileStore(join(built, 'r.json')) })
    await registry.start()
    onTestFinished(() => registry.close())
    const args = ['discover', ...only, '--port', `ollama=${port}`, '--save', '--store', 'r.json']
    const { exit, out, err } = await command(args)
    expect(exit).toBe(1)
    expect(out).toContain(`http://127.0.0.1:${port}`)
    expect(err).toMatch(/r\.json.* is in use by /)
  })

  it('watches until it is interrupted, and ends with 0', async (context) => {
    needs(context, process.platform !== 'win32', 'signals')
    const port = await freePort()
    const args = ['discover', '--watch', '--json', '--every', '100ms', ...only]
    const child = start([...args, '--port', `ollama=${port}`])
    const events: string[] = []
    let rest = ''
    const until = (event: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!events.includes(event)) return
          child.stdout?.off('data', look)
          resolve()
        }
        child.stdout?.on('data', look)
        look()
      })
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const { event, found } = JSON.parse(line)
        events.push(found?.address === `http://127.0.0.1:${port}` ? event : `other ${event}`)
      }
    })
    await until('other scanned')
    const running = await startFakeBackend('ollama', { port })
    await until('appeared')
    await running.close()
    await until('gone')
    child.kill('SIGINT')
    await once(child, 'close')
    expect(child.exitCode).toBe(0)
  })

  it('ends with 130 when one look is interrupted', async (context) => {
    needs(context, process.platform !== 'win32', 'signals')
    const silent = createServer(() => child.kill('SIGINT')).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => void silent.close())
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : 0
    const child = start(['discover', ...only, '--port', `ollama=${port}`])
    await once(child, 'close')
    expect(child.exitCode).toBe(130)
  })

  it('examines one address', async () => {
    const { port, url } = await backend('ollama')
    const well = await command(['doctor', url])
    expect(well).toMatchObject({ exit: 0, err: '' })
    expect(well.out).toContain(`${url} is Ollama\n`)
    expect(well.out).toContain(`--port ollama=${port}`)
    const twin = await command(['doctor', `http://[::1]:${port}`])
    expect(twin.exit).toBe(1)
    expect(twin.out).toMatch(/Ollama answers at http:\/\/127\.0\.0\.1/)
    const nobody = await command(['doctor', `127.0.0.1:${await freePort()}`, '--json'])
    expect(nobody.exit).toBe(1)
    expect(JSON.parse(nobody.out)).toMatchObject({ found: null, failure: 'refused' })
  })
})
