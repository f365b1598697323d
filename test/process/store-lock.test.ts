import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { fileStore } from '../../src/store/index.js'
import { newOwner, type Owner } from '../../src/store/owner.js'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'
import { contentOf, failureOf, health, newPath } from '../store/place.js'

const built = join(root, 'dist/store/index.js')
const copy = join(root, `reports/store-lock-${process.pid}`)
const module = pathToFileURL(join(copy, 'store/index.js')).href
const file = join(root, 'test/process/store-lock-child.js')

beforeAll(() => {
  if (existsSync(built)) cpSync(join(root, 'dist'), copy, { recursive: true })
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))
beforeEach((context) => needs(context, existsSync(built), 'dist/store is not built: npm run build'))

async function answerOf(child: ChildProcess | Worker): Promise<string> {
  const [answer] = await once(child, 'message')
  return String(answer)
}

async function rival(path: string): Promise<ChildProcess> {
  const child = fork(file, [module, path])
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  await answerOf(child)
  return child
}

function tell(child: ChildProcess, command: 'load' | 'close'): Promise<string> {
  const answer = answerOf(child)
  child.send(command)
  return answer
}

it('keeps out all but one process, also while that one is stopped, until it is killed', async () => {
  const path = newPath()
  const holder = await rival(path)
  expect(await tell(holder, 'load')).toBe('won')
  const refusal = async (): Promise<string> => (await failureOf(fileStore(path).load())).message
  expect(await refusal()).toContain(`is in use by process ${holder.pid} on `)
  holder.kill('SIGSTOP')
  expect(await refusal()).toContain(`is in use by process ${holder.pid} on `)
  const ended = once(holder, 'exit')
  holder.kill('SIGKILL')
  await ended
  const store = fileStore(path)
  await store.load()
  await store.apply([health('a', 1)])
  expect(await tell(await rival(path), 'load')).toMatch(/^SWITCHGEAR_STORE_IN_USE/)
  await store.close()
  expect(await contentOf(fileStore(path))).toEqual({ a: 1 })
  expect(readdirSync(dirname(path)).sort()).toEqual(['registry.json', 'registry.json.log'])
})

it('keeps out another thread, with another copy of the package', async () => {
  const path = newPath()
  const store = fileStore(path)
  await store.load()
  const worker = new Worker(file, { workerData: [module, path] })
  onTestFinished(async () => void (await worker.terminate()))
  await answerOf(worker)
  const answer = answerOf(worker)
  worker.postMessage('load')
  expect(await answer).toContain('another store of this process')
  await store.close()
})

it('lets exactly one of eight processes take a stale lock, in each of many rounds', async () => {
  const path = newPath()
  const rivals = await Promise.all(Array.from({ length: 8 }, () => rival(path)))
  const pid = spawnSync(process.execPath, ['--version']).pid
  for (let round = 0; round < 60; round++) {
    const stale: Owner = { ...(await newOwner()), pid }
    writeFileSync(`${path}.lock`, JSON.stringify(stale))
    // Every second time somebody died while taking it over.
    const dead = { ...stale, id: randomUUID() }
    if (round % 2 === 1) writeFileSync(`${path}.lock.${stale.id}`, JSON.stringify(dead))
    const answers = await Promise.all(rivals.map((one) => tell(one, 'load')))
    const winners = rivals.filter((_, at) => answers[at] === 'won')
    expect(winners, `round ${round}: ${answers.join('\n')}`).toHaveLength(1)
    for (const answer of answers) expect(answer).toMatch(/^won$|^SWITCHGEAR_STORE_IN_USE/)
    for (const winner of winners) expect(await tell(winner, 'close')).toBe('closed')
    expect(readdirSync(dirname(path))).toEqual([])
  }
})
