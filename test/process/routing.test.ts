import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root } from '../house/sources.js'
import { needsBuild } from './main-job.js'

const program = join(root, 'docs/examples/routing/main.js')

/** The lines under a job, from its `nth` time on. */
function decision(output: string, job: string, nth = 0): string[] {
  const blocks = output.split('\n\n').map((block) => block.trim().split('\n'))
  const found = blocks.filter((block) => block.includes(job))[nth]
  if (found === undefined) throw new Error(`nothing is said of ${job}:\n${output}`)
  return found.slice(found.indexOf(job) + 1).map((line) => line.trim())
}

it('the example of routing decides by capability, version and parameters', async (context) => {
  needsBuild(context)
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program])
  expect(stderr).toBe('')

  const image = decision(stdout, 'an image 4,000 pixels wide')
  expect(image).toContain('comfyui   chosen')
  expect(image.at(-1)).toBe('-> comfyui makes an image 4,000 pixels wide')

  const latest = decision(stdout, 'a video, by 1.10 or later')
  expect(latest).toContain('comfyui   lacks video_generation@>=1.10')
  expect(latest.at(-1)).toMatch(/^-> wan2gp makes/)

  const model = decision(stdout, 'a video with cogvideo')
  expect(model).toContain('comfyui   chosen')
  expect(model.join('\n')).toMatch(/wan2gp .*\(models each one of "causvid", "hunyuan/)

  expect(decision(stdout, 'a song in a cloned voice, as flac').at(-1)).toBe('-> nobody')
  expect(decision(stdout, 'ten seconds of rain').at(-1)).toMatch(/^-> audioldm makes/)
  const long = decision(stdout, 'ten minutes of rain')
  expect(long.join('\n')).toMatch(/audioldm .*\(duration up to 300\)/)
  expect(long.at(-1)).toBe('-> nobody')

  const lost = decision(stdout, 'a video, by 1.10 or later', 1)
  expect(lost).toContain('wan2gp    lacks video_generation@>=1.10')
  expect(lost.at(-1)).toBe('-> nobody')
  expect(decision(stdout, 'a video').at(-1)).toMatch(/^-> comfyui makes/)
})
