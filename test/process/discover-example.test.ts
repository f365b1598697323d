import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root } from '../house/sources.js'
import { needsBuild } from './main-job.js'

const program = join(root, 'docs/examples/discover/main.js')

it('the example of discovery finds a language model and gets an answer from it', async (context) => {
  needsBuild(context)
  const ended = await promisify(execFile)(process.execPath, [program, 'Why blue?']).catch(
    (error: { stdout: string; stderr: string }) => error, // its status and what it said
  )
  const { stdout, stderr } = ended
  if (!stdout.startsWith('No language model runs here'))
    return context.skip('a language model runs on this machine: what it says is its own')
  expect(stderr).toBe('')
  expect(ended).not.toBeInstanceOf(Error)
  expect(stdout).toMatch(/^Ollama \d[\d.]* at http:\/\/127\.0\.0\.1:\d+: [1-9]\d* models \(GET /m)
  expect(stdout).toMatch(/> Why blue\?\nAir scatters blue light/)
})
