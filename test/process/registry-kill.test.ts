import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ServiceRegistry } from '../../src/index.js'
import { fileStore } from '../../src/store/index.js'
import { seededRandom } from '../../src/testing/index.js'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'

/*
 * A program that changes its registry and is killed. What `flush` said is safe must be there for the
 * next one, in the order of registration; and never half of what was changed in one turn.
 */

type Step = readonly [
  does: 'put' | 'remove' | 'isolate' | 'reset' | 'model' | 'forget',
  name: string,
]
/** What is changed in one turn, and then flushed. */
type Plan = readonly (readonly Step[])[]

const kills = Number(process.env.SWITCHGEAR_REGISTRY_KILLS ?? 30)
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const compactAtBytes = 3_000

const program = `
  import { readFileSync } from 'node:fs'
  import { ServiceRegistry } from 'switchgear'
  import { fileStore } from 'switchgear/store'
  const [path, planPath, from] = process.argv.slice(1)
  const plan = JSON.parse(readFileSync(planPath, 'utf8'))
  const registry = new ServiceRegistry({ store: fileStore(path, { compactAtBytes: ${compactAtBytes} }) })
  await registry.start()
  const put = (name, version) =>
    registry.register({
      service: 's', name, provider: {}, replace: true, version, address: 'http://127.0.0.1/' + name,
      metadata: { filler: 'x'.repeat(100) },
    })
  for (let turn = Number(from); turn < plan.length; turn++) {
    put('turn', String(turn))
    for (const [does, name] of plan[turn]) {
      if (does === 'put') put(name, String(turn))
      else if (does === 'remove') registry.unregister(name)
      else if (does === 'isolate') registry.circuit(name).isolate()
      else if (does === 'reset') registry.circuit(name).reset()
      else if (does === 'model') registry.models.register({ id: name, provider: 'p' })
      else registry.models.remove(name)
    }
    await registry.flush()
    process.stdout.write(turn + '\\n')
  }
`

/** What the registry should be after each turn, by the simplest means. */
interface World {
  readonly providers: Map<string, { version: string; isOpen: boolean }>
  readonly models: Set<string>
}

function play({ providers, models }: World, turn: number, steps: readonly Step[]): void {
  const put = (name: string): void => {
    const isOpen = providers.get(name)?.isOpen ?? false
    providers.set(name, { version: String(turn), isOpen })
  }
  put('turn')
  for (const [does, name] of steps) {
    const one = providers.get(name)
    if (does === 'put') put(name)
    else if (does === 'remove') providers.delete(name)
    else if (does === 'model') models.add(name)
    else if (does === 'forget') models.delete(name)
    else if (one !== undefined) one.isOpen = does === 'isolate'
  }
}

const written = ({ providers, models }: World): unknown => ({
  providers: [...providers].map(([name, { version, isOpen }]) => ({ name, version, isOpen })),
  models: [...models],
})

/** Steps that can be done, in turns of one to four. */
function makePlan(random: () => number, turns: number): Plan {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const there = new Set<string>()
  return Array.from({ length: turns }, () =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, (): Step => {
      const name = pick(names)
      const does = pick(['put', 'put', 'remove', 'isolate', 'reset', 'model', 'forget'] as const)
      if (does === 'model' || does === 'forget') return [does, name]
      if (!there.has(name)) {
        there.add(name)
        return ['put', name]
      }
      if (does === 'remove') there.delete(name)
      return [does, name]
    }),
  )
}

/** Runs the program until it has said so many turns, and kills it; the last turn it said. */
async function runAndKill(args: readonly string[], afterTurns: number): Promise<number> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  let problems = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    problems += text
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said.split('\n').length > afterTurns) child.kill('SIGKILL')
  })
  await once(child, 'close')
  expect(problems, 'what the program complained of').toBe('')
  return Number(said.split('\n').at(-2) ?? -1)
}

/** What the next process finds. */
async function reread(path: string): Promise<{ turn: number; world: unknown }> {
  const registry = new ServiceRegistry<Record<string, object>>({ store: fileStore(path) })
  await registry.start()
  const { providers, models, circuits } = registry.export()
  await registry.close()
  const isOpen = (name: string): boolean => circuits.some(({ provider }) => provider === name)
  return {
    turn: Number(providers.find(({ name }) => name === 'turn')?.version ?? -1),
    world: {
      providers: providers.map(({ name, version }) => ({ name, version, isOpen: isOpen(name) })),
      models: models.map(({ id }) => id),
    },
  }
}

describe('a registry in a process that is killed', () => {
  it(
    `has all that flush said was safe, in order, after ${kills} times`,
    async (context) => {
      needs(context, existsSync(join(root, 'dist/store/index.js')), 'dist/; run `npm run build`')
      const folder = await mkdtemp(join(tmpdir(), 'switchgear-kill-'))
      onTestFinished(() => rm(folder, { recursive: true, force: true }))
      const path = join(folder, 'registry.json')
      const planPath = join(folder, 'plan.json')
      const random = seededRandom(71)
      const mostTurns = 40
      const plan = makePlan(random, (kills + 1) * (mostTurns + 20))
      await writeFile(planPath, JSON.stringify(plan))

      const world: World = { providers: new Map(), models: new Set() }
      let next = 0
      for (let kill = 0; kill < kills; kill++) {
        const turns = 1 + Math.floor(random() * mostTurns)
        const said = await runAndKill([path, planPath, String(next)], turns)
        expect(said).toBeGreaterThanOrEqual(next)
        const found = await reread(path)
        expect(found.turn, `kill ${kill}: turn ${said} was said to be safe`).toBeGreaterThanOrEqual(
          said,
        )
        for (; next <= found.turn; next++) play(world, next, plan[next] ?? [])
        expect(found.world, `kill ${kill}, after turn ${found.turn}`).toEqual(written(world))
      }
    },
    20_000 + kills * 2_000,
  )
})
