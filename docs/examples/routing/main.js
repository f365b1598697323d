// @ts-check
/**
 * Which back end gets a job, by capability, minimum version and parameters.
 * Run it: npm run build && node docs/examples/routing/main.js
 */
import { ServiceRegistry } from 'switchgear'
import { backends } from './backends.js'

/** @typedef {{ make(job: string): Promise<string> }} Backend */
/** @typedef {import('switchgear').RequirementInput} Requirement */
/** @typedef {import('switchgear').ExplainedCandidate} Candidate */

/** @type {ServiceRegistry<{ backend: Backend }>} */
const registry = new ServiceRegistry()
for (const { name, version, capabilities } of backends)
  registry.register({
    service: 'backend',
    name,
    version,
    capabilities,
    provider: { make: async (job) => `${name} makes ${job}` },
  })

const video = { name: 'video_generation', minVersion: '1.9' }

await route('an image 4,000 pixels wide', {
  name: 'image_generation',
  minVersion: '1.0',
  parameters: { width: 4_000 },
})
await route('a video, by 1.10 or later', { ...video, minVersion: '1.10' })
await route('a video with cogvideo', { ...video, parameters: { models: ['cogvideo'] } })
await route('a song in a cloned voice, as flac', {
  name: 'voice_cloning',
  parameters: { audio_formats: ['flac'] },
})
await route('ten seconds of rain', { name: 'audio_generation', parameters: { duration: 10 } })
await route('ten minutes of rain', { name: 'audio_generation', parameters: { duration: 600 } })

console.log('\n--- wan2gp is started again without its video models ---')
registry.register({
  service: 'backend',
  name: 'wan2gp',
  provider: { make: async (job) => `wan2gp makes ${job}` },
  replace: true,
})
await route('a video, by 1.10 or later', { ...video, minVersion: '1.10' })
await route('a video', video)
await registry.close()

/**
 * Says who gets the job and why nobody else, and has it done.
 *
 * @param {string} job
 * @param {Requirement} requirement
 */
async function route(job, requirement) {
  const request = { requires: [requirement] }
  const { candidates, chosen } = registry.explain('backend', request)
  console.log(`\n${job}`)
  for (const candidate of candidates) console.log(`  ${reason(candidate)}`)
  const backend = await registry.getService('backend', request)
  console.log(`  -> ${chosen === undefined ? 'nobody' : await backend?.make(job)}`)
}

/** @param {Candidate} candidate */
function reason({ provider, verdict }) {
  const name = provider.padEnd(8)
  if (typeof verdict === 'string') return `${name}  ${verdict}`
  return verdict.reason === 'incapable'
    ? `${name}  lacks ${verdict.missing.join(', ')}`
    : `${name}  ${verdict.reason}`
}
