import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { root } from '../house/sources.js'
import { expectGone, needsBuild } from './main-job.js'

const program = join(root, 'docs/examples/hello-world/main.js')
/** Several processes start, on a machine that may have much else to do. */
const limitMs = 90_000

const urlsIn = (text: string): string[] =>
  [...text.matchAll(/http:\/\/127\.0\.0\.1:\d+/g)].map(([url]) => url)

it('the example hello world is answered by another process, found by what it can do', {
  timeout: limitMs,
}, async (context) => {
  needsBuild(context)
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, 'Ada'])
  expect(stdout).toMatch(/^ask +Hello, Ada! This is process \d+\.$/m)
  // It registered before it was asked, and left the registry before that ended.
  expect(stderr).toMatch(/registered id="(\S+)"[\s\S]* deregistered id="\1"[\s\S]*Stopping\./)
  expect(urlsIn(stdout)).toHaveLength(2)
  await expectGone(urlsIn(stdout))
})

it('an example that is interrupted leaves no process behind', {
  timeout: limitMs,
}, async (context) => {
  needsBuild(context)
  const child = spawn(process.execPath, [join(root, 'docs/examples/weather/main.js')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  const closed = once(child, 'close')
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    // All of them are there, and at work.
    if (/^Day /m.test(said)) child.kill('SIGTERM')
  })
  expect(await closed).toEqual([130, null])
  expect(urlsIn(said)).toHaveLength(6)
  await expectGone(urlsIn(said))
})
