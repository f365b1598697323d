import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { atOnce, launched, type RealRedis, startRedis, until } from './redis.js'
import { freePort } from './server.js'

/** A master, its replica, and who promotes the replica when the master is silent for 200 ms. */
export interface Watched {
  /** The name that sentinels know it by. */
  readonly name: string
  readonly sentinels: readonly { readonly host: string; readonly port: number }[]
  readonly master: RealRedis
  readonly replica: RealRedis
  stop(): Promise<void>
}

const name = 'watched'

/** `redis-server` is a sentinel as well. */
export async function startSentinels(count: number): Promise<Watched> {
  const master = await startRedis(atOnce)
  const replica = await startReplica(master, atOnce)
  const ends = [() => master.stop(), () => replica.stop()]
  const sentinels: { host: string; port: number }[] = []
  while (sentinels.length < count) {
    const { port, stop } = await startSentinel(master.port, Math.floor(count / 2) + 1)
    sentinels.push({ host: '127.0.0.1', port })
    ends.push(stop)
  }
  for (const { port } of sentinels) await knows(port, count)
  const stop = async (): Promise<void> => {
    for (const end of ends.reverse()) await end()
  }
  return { name, sentinels, master, replica, stop }
}

/** Once it has what the master has, which is started with `atOnce`. */
export async function startReplica(
  { port }: Pick<RealRedis, 'port'>,
  settings: readonly string[] = [],
): Promise<RealRedis> {
  const replica = await startRedis(['--replicaof', `127.0.0.1 ${port}`, ...settings])
  const client = replica.client()
  await until('a replica in sync', async () =>
    /master_link_status:up/.test(await client.info('replication')),
  )
  return replica
}

interface Sentinel {
  readonly port: number
  stop(): Promise<void>
}

async function startSentinel(master: number, quorum: number): Promise<Sentinel> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'switchgear-sentinel-'))
  const settings = join(folder, 'sentinel.conf') // it writes into it
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${name} 127.0.0.1 ${master} ${quorum}`,
    `sentinel down-after-milliseconds ${name} 200`,
    `sentinel failover-timeout ${name} 2000`,
  ]
  writeFileSync(settings, `${lines.join('\n')}\n`)
  const child = await launched(port, folder, [settings, '--sentinel'])
  return {
    port,
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** It promotes only a replica that it has found, and counts only sentinels that it has heard of. */
async function knows(port: number, count: number): Promise<void> {
  const client = new Redis(port, '127.0.0.1')
  client.on('error', () => {})
  await until('a sentinel that knows the others', async () => {
    const known = String(await client.call('sentinel', 'master', name))
    return known.includes('num-slaves,1,') && known.includes(`num-other-sentinels,${count - 1},`)
  })
  client.disconnect()
}
