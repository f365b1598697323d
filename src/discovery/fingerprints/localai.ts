import { type Fields, field, isObject } from '../../core/foreign.js'
import type { Asking } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { goodObject, isRefused } from './read.js'
import { offering, openAIModels, versionOf } from './served.js'

/** LocalAI. It always imitates Ollama, so it is asked before. */
export const localai: Fingerprint = {
  kind: 'localai',
  title: 'LocalAI',
  service: 'llm',
  protocol: 'openai',
  ports: [8080],
  advice: 'start it with `local-ai run`; it listens on port 8080 unless --address says otherwise',

  async recognise(asking) {
    const body = await aboutItself(asking)
    if (body === undefined) return undefined
    const ready = await asking.get('/readyz')
    const isStarting = ready.status === 503 && field(ready.json, 'status') === 'starting'
    return {
      evidence: 'GET /.well-known/localai.json has version and endpoints',
      version: versionOf(field(body, 'version')),
      ...(isStarting && { health: 'loading' }),
    }
  },

  async describe(asking) {
    const body = await aboutItself(asking)
    const detailed = await asking.get('/v1/models/capabilities')
    const models = openAIModels(detailed, 'localai')
    const plain = models === undefined ? await asking.get('/v1/models') : detailed
    return {
      version: versionOf(field(body, 'version')),
      ...offering(models ?? openAIModels(plain, 'localai')),
      ...(isRefused(plain) && { needsCredentials: true }),
    }
  },
}

async function aboutItself(asking: Asking): Promise<Fields | undefined> {
  const body = goodObject(await asking.get('/.well-known/localai.json'))
  return typeof field(body, 'version') === 'string' && isObject(field(body, 'endpoints'))
    ? body
    : undefined
}
