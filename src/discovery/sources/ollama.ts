import { ollama as fingerprint } from '../fingerprints/ollama.js'
import type { Source } from '../source.js'
import { type ModelServerOptions, servedAt } from './served-at.js'

export interface OllamaOptions extends Omit<ModelServerOptions, 'url'> {
  /** Default `http://127.0.0.1:11434`. */
  readonly url?: string | undefined
}

/**
 * An Ollama as one provider, `ollama@<host>:<port>`, with the models it has on its disk. Its imitators are refused.
 *
 * Throws `InvalidOptionsError`.
 */
export const ollama = (options: OllamaOptions = {}): Source =>
  servedAt(fingerprint, { ...options, url: options.url ?? 'http://127.0.0.1:11434' })
