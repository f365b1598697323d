// @ts-check
/**
 * Finds the AI back ends of this machine, and asks one of them something.
 * Run it: npm run build && node docs/examples/discover/main.js "Why is the sky blue?"
 *
 * Where no language model runs, it starts a stand-in for Ollama that answers like one.
 */
import { ServiceRegistry } from 'switchgear'
import { localBackends } from 'switchgear/discovery'
import { startFakeBackend } from 'switchgear/testing'

/** @typedef {import('switchgear/discovery').ScanReport} ScanReport */
/** @typedef {{ llm: import('openai').OpenAI }} Services */

const question = process.argv[2] ?? 'Why is the sky blue?'

/** @type {ScanReport | undefined} */
let report
let registry = await look([])
const standIn = registry.list({ service: 'llm', status: 'healthy' }).length === 0
const fake = standIn ? await startStandIn() : undefined
if (fake) {
  await registry.close()
  registry = await look([fake.url])
}

for (const { title, address, version, models, evidence } of report?.found ?? [])
  console.log(`${title} ${version ?? ''} at ${address}: ${models.length} models (${evidence})`)

const [provider] = registry.list({ service: 'llm', capability: 'chat', status: 'healthy' })
if (provider === undefined) {
  console.log('No language model is ready.')
  process.exitCode = 1
} else {
  // Nothing was configured: the scan knows what speaks which protocol, and makes the client.
  const llm = registry.client('llm', { requires: ['chat'] })
  const model = provider.models[0] ?? 'default'
  console.log(`\n> ${question}`)
  try {
    const messages = [{ role: /** @type {const} */ ('user'), content: question }]
    const { choices } = await llm.chat.completions.create({ model, messages })
    console.log(choices[0]?.message.content)
  } catch (error) {
    console.log(`Nobody could answer: ${/** @type {Error} */ (error).message}`)
    process.exitCode = 1
  }
}
await registry.close()
await fake?.close()

/**
 * A registry of what runs here, and at these addresses.
 *
 * @param {readonly string[]} addresses
 */
async function look(addresses) {
  const source = localBackends({
    addresses,
    onReport: (found) => {
      report = found
    },
  })
  /** @type {ServiceRegistry<Services>} */
  const found = new ServiceRegistry({ sources: [source] })
  await found.start()
  await found.refresh('local')
  return found
}

async function startStandIn() {
  console.log('No language model runs here, so a stand-in for Ollama answers.\n')
  const json = { choices: [{ message: { content: 'Air scatters blue light more than red.' } }] }
  return startFakeBackend('ollama', { routes: { 'POST /v1/chat/completions': { json } } })
}
