import { field } from '../../core/foreign.js'
import type { Fingerprint } from '../scan/fingerprint.js'

/** Portkey's AI gateway. What it can do depends on the provider that each call names; it has no list of its own. */
export const portkey: Fingerprint = {
  kind: 'portkey',
  title: 'Portkey AI Gateway',
  service: 'llm',
  protocol: 'openai',
  ports: [8787],
  advice:
    'start it with `npx @portkey-ai/gateway`; it listens on port 8787 unless --port says otherwise',

  async recognise(asking) {
    const { status, text } = await asking.get('/')
    if (status === 200 && text.trim() === 'AI Gateway says hey!')
      return { evidence: "GET / says 'AI Gateway says hey!'" }
    const { json } = await asking.get('/v1/models')
    const message = field(json, 'message')
    return field(json, 'status') === 'failure' &&
      typeof message === 'string' &&
      message.includes('x-portkey-')
      ? { evidence: 'GET /v1/models asks for a header x-portkey-…' }
      : undefined
  },

  async describe() {
    return {}
  },
}
