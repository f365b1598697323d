import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { seededRandom } from '../../src/testing/index.js'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'
import { hasRedis, noRedis, type RealRedis, startRedis } from '../real/redis.js'
import { type Node, soon, startNode } from './redis-node.js'

/*
 * Two programs that share a Redis, one of which is killed while it writes. Each turn of a program registers two
 * providers and flushes; what it has said is safe has to be there for all others, and never half of a turn.
 */

const isSoak = process.env.SWITCHGEAR_SOAK !== undefined
const seed = Number(process.env.SWITCHGEAR_SOAK ?? 3)
const kills = isSoak ? 30 : 2
const leaseMs = 200

const program = `
  import { ServiceRegistry } from 'switchgear'
  import { redisStore } from 'switchgear/store/redis'
  const [url, side, version] = process.argv.slice(1)
  const registry = new ServiceRegistry({ store: redisStore(url, { namespace: 'processes' }) })
  await registry.start()
  const put = (name, turn) => {
    const address = 'http://' + name + '.example'
    const metadata = { turn, version, filler: 'x'.repeat(2000) }
    registry.register({ service: 'llm', name, provider: {}, version, address, metadata, replace: true })
  }
  const leased = side + '-leased'
  const live = () => {
    if (registry.get(leased)?.version !== version) put(leased, 0)
    registry.renew(leased, { forMs: ${leaseMs} })
  }
  live()
  setInterval(live, ${leaseMs / 10})
  for (let turn = 0; ; turn++) {
    put(side + '-left-' + (turn % 5), turn)
    put(side + '-right-' + (turn % 5), turn)
    await registry.flush()
    process.stdout.write(turn + '\\n')
    if (side === 'other') await new Promise((resolve) => setTimeout(resolve, 10))
  }
`

let redis: RealRedis

beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.stop())
beforeEach((context) => {
  needs(context, hasRedis, noRedis)
  needs(context, existsSync(join(root, 'dist/store/redis.js')), 'dist/; run `npm run build`')
})

interface Program {
  /** The last turn that it has said to be safe. */
  safe(): number
  hasSaid(turn: number): Promise<void>
  kill(): Promise<void>
}

function start(side: string, version: number): Program {
  const args = ['--input-type=module', '--eval', program, redis.url, side, `1.0.${version}`]
  const child: ChildProcess = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    said.out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    said.err += text
  })
  const safe = (): number => Number(said.out.split('\n').at(-2) ?? -1)
  return {
    safe,
    hasSaid: async (turn) =>
      void (await soon(() => expect([safe() >= turn, said.err]).toEqual([true, '']))),
    async kill() {
      const ended = once(child, 'close')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** `turn version` of a provider. */
const turnOf = ({ registry }: Node, name: string): string | undefined => {
  const view = registry.get(name)
  return view && `${view.metadata.turn} ${view.version}`
}

const turns = [0, 1, 2, 3, 4]

/** What was said to be safe is there, in whole turns. */
function check(node: Node, side: string, safe: number, version: number): void {
  const found = turns.map((at) => turnOf(node, `${side}-left-${at}`))
  expect(turns.map((at) => turnOf(node, `${side}-right-${at}`))).toEqual(found)
  const own = found.filter((one) => one?.endsWith(` 1.0.${version}`))
  const last = Math.max(...own.map((one) => Number.parseInt(one ?? '', 10)))
  expect([safe, safe + 1]).toContain(last)
  for (const at of turns) {
    const latest = last - ((last - at) % turns.length)
    expect(found[at]).toBe(`${latest} 1.0.${version}`)
  }
}

describe('two programs that share a Redis', () => {
  it(
    `lose nothing that was said to be safe when one of them is killed, ${kills} times`,
    async () => {
      const options = { namespace: 'processes', timeoutMs: 2_000 }
      const random = seededRandom(seed)
      const node = await startNode(redis.url, options)
      const expired: string[] = []
      node.registry.on('lease.expired', ({ provider }) => void expired.push(provider))
      const other = start('other', 0)
      let safe = -1
      for (let version = 0; version < kills; version++) {
        const victim = start('victim', version)
        await victim.hasSaid(5 + Math.floor(random() * 25))
        await soon(() => expect(turnOf(node, 'victim-leased')).toBe(`0 1.0.${version}`))
        await victim.kill()
        safe = victim.safe()
        const fresh = await startNode(redis.url, options)
        check(fresh, 'victim', safe, version)
        await soon(() => check(node, 'victim', safe, version))
        await other.hasSaid(other.safe() + 3)
        await fresh.registry.close()
      }
      await soon(() => expect(expired).toContain('victim-leased'))
      await soon(() => expect(node.registry.get('victim-leased')).toBeUndefined())
      check(node, 'victim', safe, kills - 1) // what had no lease stays
      await other.kill()
      await soon(() => check(node, 'other', other.safe(), 0))
      expect(node.removed.filter((name) => !name.endsWith('-leased'))).toEqual([])
    },
    20_000 + kills * 3_000,
  )
})
