import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from './server.js'

/** For `needs`. */
export const hasRedis: boolean = spawnSync('redis-server', ['--version']).status === 0
export const noRedis = 'redis-server is not installed: apt-get install redis-server'

/** For masters: they begin to fill a replica at once, and not after five seconds. */
export const atOnce = ['--repl-diskless-sync-delay', '0'] as const

/** A real Redis on 127.0.0.1 that keeps nothing on disk, and that a test may hurt. */
export interface RealRedis {
  readonly port: number
  readonly url: string
  /** A client to look with, connected. */
  client(): Redis
  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** On the same port, empty. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** `settings` are added to its command line, such as `--maxmemory`, `4mb`. */
export async function startRedis(settings: readonly string[] = []): Promise<RealRedis> {
  const port = await lowPort()
  const folder = mkdtempSync(join(tmpdir(), 'switchgear-redis-'))
  const clients: Redis[] = []
  let child = await launch(port, folder, settings)
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    client() {
      const client = new Redis(port, '127.0.0.1')
      client.on('error', () => {}) // tests end their servers
      clients.push(client)
      return client
    },
    async kill(signal) {
      const ended = signal === 'SIGKILL' ? once(child, 'exit') : undefined
      child.kill(signal)
      await ended
    },
    async restart() {
      child = await launch(port, folder, settings)
    },
    async stop() {
      for (const client of clients) client.disconnect()
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        await ended
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Nodes of a cluster talk to each other on a port 10,000 above their own. */
async function lowPort(): Promise<number> {
  const port = await freePort()
  return port < 55_000 ? port : lowPort()
}

function launch(port: number, folder: string, settings: readonly string[]): Promise<ChildProcess> {
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '']
  return launched(port, folder, [...own, ...settings])
}

/** A `redis-server` of any kind, once it answers. */
export async function launched(
  port: number,
  folder: string,
  args: readonly string[],
): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { cwd: folder, stdio: 'ignore' })
  for (let tries = 0; tries < 200; tries++) {
    const client = new Redis(port, '127.0.0.1', {
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
    })
    client.on('error', () => {})
    const ready = await client.ping().then(
      () => true,
      (error) => /NOAUTH/.test(String(error)),
    )
    client.disconnect()
    if (ready) return child
    await delay(50)
  }
  child.kill('SIGKILL')
  throw new Error(`redis-server on port ${port} was not ready in time`)
}

/** Asks again and again. Throws when it takes ten seconds. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await isSo()) return
    await delay(25)
  }
  throw new Error(`There was not ${what} in time`)
}
