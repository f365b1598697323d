import { field } from '../../core/foreign.js'
import type { Asking } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'

/** whisper.cpp's server. One model, which it does not name. */
export const whispercpp: Fingerprint = {
  kind: 'whispercpp',
  title: 'whisper.cpp',
  service: 'media',
  protocol: 'http',
  ports: [8080],
  capabilities: ['speech_to_text'],
  advice:
    'start it with `whisper-server -m <file>`; it listens on 127.0.0.1:8080 unless --host or --port say otherwise',

  async recognise(asking) {
    const evidence = await nameGiven(asking)
    if (evidence === undefined) return undefined
    // Only now that it is known who is asked: elsewhere this path is not free.
    const { status, json } = await asking.get('/health')
    const isLoading = status === 503 && field(json, 'status') === 'loading model'
    return { evidence, ...(isLoading && { health: 'loading' }) }
  },

  async describe() {
    return { capabilities: ['speech_to_text'] }
  },
}

async function nameGiven(asking: Asking): Promise<string | undefined> {
  const { headers, text } = await asking.get('/')
  if (headers.server === 'whisper.cpp') return 'a header says that the server is whisper.cpp'
  return /<title>\s*whisper\.cpp server\s*<\/title>/i.test(text.slice(0, 65_536))
    ? 'the title of its page is Whisper.cpp Server'
    : undefined
}
