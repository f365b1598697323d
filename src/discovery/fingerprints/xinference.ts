import { field } from '../../core/foreign.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { goodObject, isRefused } from './read.js'
import { openAIModels, versionOf } from './served.js'

/** Xinference. Lists what runs, models of text, pictures and sound alike. */
export const xinference: Fingerprint = {
  kind: 'xinference',
  title: 'Xinference',
  service: 'llm',
  protocol: 'openai',
  ports: [9997],
  advice:
    'start it with `xinference-local`; it listens on 127.0.0.1:9997 unless --host or --port say otherwise',

  async recognise(asking) {
    const auth = field(goodObject(await asking.get('/v1/cluster/auth')), 'auth')
    if (typeof auth !== 'boolean') return undefined
    const [about, list] = await Promise.all([
      asking.get('/v1/cluster/version'),
      asking.get('/v1/models'),
    ])
    const body = goodObject(about)
    const isRevised = typeof field(body, 'full-revisionid') === 'string'
    if (!isRevised && !(auth && isRefused(list))) return undefined
    return {
      evidence: `GET /v1/cluster/auth has auth${isRevised ? ', /v1/cluster/version full-revisionid' : ''}`,
      version: versionOf(field(body, 'version')),
      ...(auth && isRefused(list) && { needsCredentials: true }),
    }
  },

  async describe(asking) {
    const [about, list] = await Promise.all([
      asking.get('/v1/cluster/version'),
      asking.get('/v1/models'),
    ])
    return {
      version: versionOf(field(goodObject(about), 'version')),
      models: openAIModels(list, 'xinference'),
      ...(isRefused(list) && { needsCredentials: true }),
    }
  },
}
