import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { answers, freePort, type RealServer, startServer } from './server.js'

/** For `needs`. */
export const hasEtcd: boolean = spawnSync('etcd', ['--version']).status === 0
export const noEtcd = 'etcd is not installed: apt-get install etcd-server'

/** A real etcd of one member, on 127.0.0.1 only, empty. */
export async function startEtcd(): Promise<RealServer> {
  const peer = `http://127.0.0.1:${await freePort()}`
  return startServer({
    name: 'etcd',
    command: 'etcd',
    args: (port, folder) => {
      const client = `http://127.0.0.1:${port}`
      return [
        ...['--name', 'one', '--data-dir', join(folder, 'data')],
        ...['--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', `one=${peer}`],
      ]
    },
    isReady: answers('/health'),
  })
}
