import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { credentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type FakeBackend, startFakeBackend } from '../../src/testing/fake-backend.js'
import { createAuthority, hasOpenssl } from '../core/certificates.js'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'
import { AgentClient, worker } from '../server/grpc/client.js'
import { ask, openEvents } from '../server/rest-client.js'

/** A build of its own, inside the project so that it finds its packages, and ignored by git. */
const built = join(root, `reports/serve-${process.pid}`)
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

const others = [
  'SERVICE_REGISTRY_PORT',
  'REGISTRY_STORE',
  'REGISTRY_PORT',
  'REGISTRY_HOST',
  'REGISTRY_TOKEN',
  'REDIS_URL',
]

interface Running {
  readonly child: ChildProcess
  readonly said: { out: string; err: string }
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const mine = Object.entries(process.env).filter(([name]) => !others.includes(name))
  const child = spawn(process.execPath, [program, 'serve', ...args], {
    cwd: built,
    env: {
      ...Object.fromEntries(mine),
      XDG_DATA_HOME: data,
      LOCALAPPDATA: data,
      HOME: data,
      ...env,
    },
  })
  const said = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return { child, said }
}

/** Once it listens. */
async function listening(args: readonly string[], env?: NodeJS.ProcessEnv) {
  const agents =
    args.includes('--no-grpc') || args.includes('--grpc-port') ? [] : ['--grpc-port', '0']
  const running = start(['--port', '0', ...agents, ...args], env)
  await expect
    .poll(() => running.said.out + running.said.err, { timeout: 20_000 })
    .toMatch(/Store {2,}\S/)
  const url = /http:\/\/\S+/.exec(running.said.out)?.[0] ?? ''
  return { ...running, url }
}

async function ended({ child, said }: Running): Promise<[number | null, string]> {
  if (child.exitCode === null) await once(child, 'close')
  return [child.exitCode, said.err]
}

/** Of the ports that a scan asks, one that is free. */
const onSearchedPort = (port = 8_150): Promise<FakeBackend> =>
  startFakeBackend('ollama', { port }).catch((error: unknown) => {
    if (port === 8_199) throw error
    return onSearchedPort(port + 1)
  })

const body = { id: 'in', name: 'In', capabilities: ['greet'], mode: 'embedded' }

describe('switchgear serve', () => {
  it('says where it listens, logs each change, stops on SIGTERM and remembers', async () => {
    const first = await listening([])
    expect(first.said.out).toContain(join(data, 'switchgear', 'registry.json'))
    expect((await ask(first.url, '/api/register', { body })).status).toBe(201)
    const events = await openEvents(first.url)
    await events.next()
    first.child.kill('SIGTERM')
    const [exit, log] = await ended(first)
    expect([exit, /info registered id="in" from="127\.0\.0\.1"/.test(log)]).toEqual([0, true])
    await expect(events.next()).rejects.toThrow()

    const second = await listening([])
    expect((await ask(second.url, '/api/services/in')).json).toMatchObject({ id: 'in', name: 'In' })
  })

  it('understands the environment, and flags win over it', async () => {
    const env = { REGISTRY_STORE: 'memory', REGISTRY_TOKEN: 'from-env', REGISTRY_PORT: '1' }
    const { said, url } = await listening(['--token', 'from-flag'], env)
    expect(said.out).toContain('memory')
    const status = async (token: string) =>
      (await ask(url, '/api/stats', { headers: { authorization: `Bearer ${token}` } })).status
    expect([await status('from-flag'), await status('from-env')]).toEqual([200, 401])
  })

  it('B-N22: knows the variables of the README, and a time-out of 60 s without them', async () => {
    const silentAfter = async (env: NodeJS.ProcessEnv) => {
      const { url } = await listening(['--no-grpc'], { REGISTRY_STORE: 'memory', ...env })
      await ask(url, '/api/register', { body })
      await ask(url, '/api/heartbeat/in', { method: 'POST' })
      return async () => (await ask(url, '/api/services/in')).json.status
    }
    const [soon, late] = await Promise.all([
      silentAfter({ HEARTBEAT_TIMEOUT: '0.2', HEALTH_CHECK_INTERVAL: '30' }),
      silentAfter({}),
    ])
    await expect.poll(soon, { timeout: 5_000, interval: 20 }).not.toBe('healthy')
    expect(await late()).toBe('healthy')
    const help = start(['--help'])
    await ended(help)
    expect(help.said.out).toMatch(/HEARTBEAT_TIMEOUT; default 60/)
  })

  it('takes locations in the networks that are allowed besides private ones', async () => {
    const { url } = await listening(['--no-grpc', '--allowed-locations', '198.18.0.0/15, ,x.test'])
    const at = async (host: string) => {
      const location = `http://${host}:1`
      return (await ask(url, '/api/register', { body: { ...body, mode: 'http', location } })).status
    }
    expect([await at('198.18.0.1'), await at('198.20.0.1')]).toEqual([201, 400])
  })

  it('lists the local back ends that run, with --discover', async () => {
    const backend = await onSearchedPort()
    onTestFinished(() => backend.close())
    const { url } = await listening(['--no-grpc', '--store', 'memory', '--discover'])
    const found = async (): Promise<unknown> => {
      const { services } = (await ask(url, '/api/services')).json
      const locations = new Map(services.map((one: { location: string }) => [one.location, one]))
      return locations.get(`http://127.0.0.1:${backend.port}`)
    }
    await expect
      .poll(found, { timeout: 15_000 })
      .toMatchObject({ service: 'llm', capabilities: expect.arrayContaining(['chat']) })
  })

  it('makes a token up where others can connect, and shows it once', async () => {
    const { said, url, child } = await listening(['--host', '0.0.0.0', '--store', 'memory'])
    const token = /Token {2,}(\S+)/.exec(said.out)?.[1] ?? ''
    const here = url.replace('0.0.0.0', '127.0.0.1')
    expect((await ask(here, '/api/stats')).status).toBe(401)
    const headers = { authorization: `Bearer ${token}` }
    expect((await ask(here, '/api/stats', { headers })).status).toBe(200)
    expect(said.err).not.toContain(token)
    child.kill('SIGINT')
    expect((await ended({ child, said }))[0]).toBe(0)
  })

  it('reads the token from a file', async () => {
    const file = join(data, 'token')
    writeFileSync(file, 'secret-in-file\n')
    const { url } = await listening(['--store', 'memory', '--token-file', file])
    const headers = { authorization: 'Bearer secret-in-file' }
    expect((await ask(url, '/api/stats', { headers })).status).toBe(200)
  })

  it('says who may hold a port that is taken', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as AddressInfo
    const [exit, err] = await ended(
      start(['--port', String(port), '--no-grpc', '--store', 'memory']),
    )
    await new Promise((resolve) => holder.close(resolve))
    expect([exit, err]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(`cannot listen on 127.0.0.1:${port}.*another program.*--port`),
      ),
    ])
  })

  it('serves agents over gRPC on the port of the environment, and the flag wins over it', async () => {
    const env = { SERVICE_REGISTRY_PORT: '0' }
    const { said, url, child } = await listening(['--grpc-port', '0', '--store', 'memory'], env)
    const address = /grpc:\/\/(127\.0\.0\.1:\d+)/.exec(said.out)?.[1] ?? ''
    const client = new AgentClient(address)
    onTestFinished(() => client.close())
    const { agent_id } = await client.call('Register', worker)
    expect((await ask(url, `/api/services/${agent_id}`)).json).toMatchObject({ id: agent_id })
    const watch = client.watch()
    await watch.begun
    child.kill('SIGTERM')
    expect((await watch.ended)?.code).toBe(14)
    expect((await ended({ child, said }))[0]).toBe(0)
  })

  it('serves REST alone with --no-grpc', async () => {
    const { said } = await listening(['--no-grpc', '--store', 'memory'])
    expect(said.out).not.toContain('gRPC')
  })

  it('says which port of gRPC is taken, and the flag to choose another', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as AddressInfo
    const args = ['--port', '0', '--store', 'memory']
    const [exit, err] = await ended(start(args, { SERVICE_REGISTRY_PORT: String(port) }))
    await new Promise((resolve) => holder.close(resolve))
    expect([exit, err]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(`^switchgear: cannot listen on 127.0.0.1:${port}.*another program.*--grpc-port`),
      ),
    ])
    expect(err.trimEnd().split('\n')).toHaveLength(1) // and not what grpc-js says of it besides
  })

  it('ends on SIGTERM also while it waits for its store to begin', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {}))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as AddressInfo
    const running = start(['--port', '0', '--no-grpc'], { REDIS_URL: `redis://127.0.0.1:${port}` })
    await once(silent, 'connection')
    running.child.kill('SIGTERM')
    expect(await ended(running)).toEqual([0, expect.stringContaining('Stopping.')])
    expect(running.said.out).toBe('')
  })

  it.runIf(process.platform === 'linux')('says that there is no place for its file', async () => {
    const [exit, err] = await ended(
      start(['--port', '0', '--no-grpc', '--store', 'file:/proc/nowhere/deep/registry.json']),
    )
    expect([exit, err]).toEqual([1, expect.stringContaining('could not be read: ENOENT')])
    expect(err.split('could not be read')).toHaveLength(2) // said once
  })

  it('serves both over TLS with a certificate', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const authority = createAuthority()
    onTestFinished(() => authority.remove())
    const { cert, key } = authority.issue('server', 'DNS:localhost')
    writeFileSync(join(data, 'cert.pem'), cert)
    writeFileSync(join(data, 'key.pem'), key)
    const files = ['--tls-cert', join(data, 'cert.pem'), '--tls-key', join(data, 'key.pem')]
    const { said } = await listening([...files, '--store', 'memory'])
    expect(said.out).toMatch(/REST and events {2}https:\/\/127\.0\.0\.1:\d+/)
    const address = /grpcs:\/\/(127\.0\.0\.1:\d+)/.exec(said.out)?.[1] ?? ''
    // Newer Node refuses an IP address as the name of a TLS server (RFC 6066), which grpc-js would send.
    const named = address.replace('127.0.0.1', 'localhost')
    const client = new AgentClient(named, credentials.createSsl(Buffer.from(authority.ca)))
    onTestFinished(() => client.close())
    expect((await client.call('Register', worker)).agent_id).not.toBe('')
  })

  it.each([
    [['--grpc-port', 'x'], 2, "--grpc-port is 'x'"],
    [['--tls-cert', 'a.pem'], 1, '--tls-cert a.pem cannot be read'],
    [['--tls-cert', 'package.json'], 2, 'give --tls-cert and --tls-key together'],
    [['--port', 'many'], 2, "--port is 'many', and should be a whole number from 0 to 65535"],
    [['--rest-dialect', 'odd'], 2, "--rest-dialect is 'odd', and should be readme or code"],
    [['--heartbeat-timeout', '-1'], 2, '--heartbeat-timeout'],
    [['--token-file', 'nowhere'], 1, 'nowhere cannot be read: there is no such file'],
    [['--token-file', '.'], 1, '. cannot be read: it is a folder'],
    [['--prot', '1'], 2, 'did you mean --port?'],
    [['now'], 2, "does not know what to do with 'now'"],
  ])('%s', async (args, code, text) => {
    const [exit, err] = await ended(start(args))
    expect([exit, err]).toEqual([code, expect.stringContaining(text)])
  })
})
