import { atOnce, type RealRedis, startRedis, until } from './redis.js'

const slots = 16_384
const masters = 3

/** A master that is silent for half a second is replaced. */
const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '500', ...atOnce]

export interface Cluster {
  readonly masters: readonly RealRedis[]
  /** Of the first master, whose place it takes when that is gone. */
  readonly replica: RealRedis
  stop(): Promise<void>
}

/** Three nodes that are one cluster, and a replica. */
export async function startCluster(): Promise<Cluster> {
  const nodes = await Promise.all(Array.from({ length: masters + 1 }, () => startRedis(settings)))
  const [first, ...others] = nodes as [RealRedis, ...RealRedis[]]
  const replica = nodes[masters] as RealRedis
  for (const [at, node] of nodes.slice(0, masters).entries()) {
    const [from, to] = [at, at + 1].map((part) => Math.ceil((part * slots) / masters))
    const client = node.client()
    await client.call('cluster', 'addslotsrange', String(from), String(Number(to) - 1))
    await client.call('cluster', 'set-config-epoch', String(at + 1))
  }
  const id = await idOf(first)
  for (const other of others)
    await other.client().call('cluster', 'meet', '127.0.0.1', String(first.port))
  await follows(replica, id)
  await allKnow(nodes)
  return {
    masters: nodes.slice(0, masters),
    replica,
    async stop() {
      for (const node of nodes) await node.stop()
    },
  }
}

/** Its master has to be known to it by then. */
async function follows(replica: RealRedis, id: string): Promise<void> {
  const client = replica.client()
  await until('a master to follow', async () => {
    const answer = await client.call('cluster', 'replicate', id).catch(() => 'not yet')
    return answer === 'OK'
  })
  await until('a replica in sync', async () =>
    /master_link_status:up/.test(await client.info('replication')),
  )
}

/** Who has this key, or would. */
export async function holderOf(nodes: readonly RealRedis[], key: string): Promise<RealRedis> {
  for (const node of nodes) {
    const answer = await node
      .client()
      .exists(key)
      .catch(() => 'elsewhere')
    if (answer !== 'elsewhere') return node
  }
  throw new Error(`No node of the cluster is to have ${key}`)
}

/** All keys of this one's slot, and the slot. */
export async function moveSlot(key: string, from: RealRedis, to: RealRedis): Promise<void> {
  const [source, target] = [from.client(), to.client()]
  const slot = String(await source.call('cluster', 'keyslot', key))
  const [fromId, toId] = [await idOf(from), await idOf(to)]
  await target.call('cluster', 'setslot', slot, 'importing', fromId)
  await source.call('cluster', 'setslot', slot, 'migrating', toId)
  const keys = await source.call('cluster', 'getkeysinslot', slot, '100')
  for (const one of Array.isArray(keys) ? keys.map(String) : [])
    await source.call('migrate', '127.0.0.1', String(to.port), one, '0', '5000')
  for (const client of [target, source]) await client.call('cluster', 'setslot', slot, 'node', toId)
}

const idOf = async (node: RealRedis): Promise<string> =>
  String(await node.client().call('cluster', 'myid'))

const allKnow = (nodes: readonly RealRedis[]): Promise<void> =>
  until('a whole cluster', async () => {
    const infos = await Promise.all(nodes.map((node) => node.client().cluster('INFO')))
    const isWhole = new RegExp(`cluster_state:ok[^]*cluster_known_nodes:${nodes.length}\\r`)
    return infos.every((info) => isWhole.test(String(info)))
  })
