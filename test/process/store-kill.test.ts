import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { fileStore } from '../../src/store/index.js'
import type { Store } from '../../src/store/store.js'
import { seededRandom } from '../../src/testing/index.js'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'
import { contentOf } from '../store/place.js'
import { stateAfter } from './store-kill-groups.js'

/** SWITCHGEAR_KILLS=500 for the whole proof. */
const kills = Number(process.env.SWITCHGEAR_KILLS ?? 60)
const seed = Number(process.env.SWITCHGEAR_SEED ?? 11)
const together = 6

const built = join(root, 'dist/store/index.js')

/** Others may build while this runs, so it takes its own copy, where packages are found. */
function copyOfDist(): string {
  const folder = join(root, `reports/store-kill-${process.pid}`)
  cpSync(join(root, 'dist'), folder, { recursive: true })
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return pathToFileURL(join(folder, 'store/index.js')).href
}

/** A process that applies groups and says which were kept. */
class Victim {
  readonly #child: ChildProcess
  readonly #acknowledged: number[] = []
  readonly #closed: Promise<unknown>
  #rest = ''
  #errors = ''
  #heard: () => void = () => {}

  constructor(module: string, path: string, start: number) {
    const file = join(root, 'test/process/store-kill-child.js')
    this.#child = spawn(process.execPath, [file, module, path, String(start), String(together)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#closed = once(this.#child, 'close')
    this.#child.stdout?.setEncoding('utf8').on('data', (text) => this.#hear(text))
    this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.#errors += text
    })
    this.#closed.then(() => this.#heard())
    onTestFinished(() => {
      this.#child.kill('SIGKILL')
    })
  }

  get acknowledged(): readonly number[] {
    return this.#acknowledged
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) if (line !== 'loaded') this.#acknowledged.push(Number(line))
    this.#heard()
  }

  async hasAcknowledged(count: number): Promise<void> {
    while (this.#acknowledged.length < count) {
      if (this.#child.exitCode !== null) throw new Error(`it ended by itself: ${this.#errors}`)
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}

function verify(found: Readonly<Record<string, number>>, acknowledged: readonly number[]): number {
  const last = found.last ?? -1
  expect(last).toBeGreaterThanOrEqual(acknowledged.at(-1) ?? -1)
  expect(found).toEqual(stateAfter(last))
  return last
}

it(
  `loses nothing that was acknowledged in ${kills} kills`,
  async (context) => {
    needs(context, existsSync(built), 'dist/store is not built: npm run build')
    const module = copyOfDist()
    const folder = mkdtempSync(join(tmpdir(), 'switchgear-kill-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'registry.json')
    const chance = seededRandom(seed)
    const sum = { acknowledged: 0, unacknowledged: 0, compactions: 0, tornTails: 0, reads: 0 }
    const logger = { debug() {}, info() {}, error() {}, warn: () => void sum.tornTails++ }
    const opened = (): Store => fileStore(path, { logger })

    let last = -1
    for (let turn = 0; turn < kills; turn++) {
      const victim = new Victim(module, path, last + 1)
      await victim.hasAcknowledged(Math.floor(chance() * 100))
      const seen = [...victim.acknowledged]
      if (chance() < 0.3) {
        const read = await contentOf(fileStore(path, { readOnly: true }))
        if (seen.length > 0) verify(read, seen)
        sum.reads += 1
      }
      await victim.hasAcknowledged(seen.length + Math.floor(chance() * 300))
      await victim.kill()
      if (readdirSync(folder).some((name) => /json\.(?:log\.)?[\da-f-]{36}\.tmp$/.test(name)))
        sum.compactions += 1
      const { acknowledged } = victim
      expect(acknowledged).toEqual([...acknowledged].sort((a, b) => a - b))
      const before = last
      last = verify(await contentOf(opened()), [before, ...acknowledged])
      sum.acknowledged += acknowledged.length
      sum.unacknowledged += last - before - acknowledged.length
      expect(['registry.json', 'registry.json.log']).toEqual(
        expect.arrayContaining(readdirSync(folder)),
      )
    }
    console.log(
      `${kills} kills, ${sum.compactions} of them in the middle of a compaction, ${sum.tornTails} torn tails: ` +
        `${sum.acknowledged} groups acknowledged, 0 lost, ${sum.unacknowledged} kept without having been acknowledged; ${sum.reads} reads meanwhile`,
    )
  },
  60_000 + kills * 2_000,
)
