import { litellm as fingerprint } from '../fingerprints/litellm.js'
import type { Source } from '../source.js'
import { type ModelServerOptions, servedAt } from './served-at.js'

export interface LiteLLMSourceOptions extends ModelServerOptions {
  /**
   * Sent as a bearer token once it is known to be LiteLLM. Default: `LITELLM_API_KEY` of the environment. The master key
   * may do everything, so it is not taken from there.
   */
  readonly key?: string | undefined
}

/**
 * A LiteLLM proxy as one provider, `litellm@<host>:<port>`, that can do what any of its models can. One and not one for
 * each model, since what fails there fails for all of them, and the proxy has its own way to get from one model to the
 * next. Which model can do what is in `registry.models`: choose there what to ask it for.
 *
 * Its `/health`, which costs money, is never asked. Throws `InvalidOptionsError`.
 */
export const litellm = (options: LiteLLMSourceOptions): Source =>
  servedAt(fingerprint, {
    ...options,
    key: options.key ?? (process.env.LITELLM_API_KEY || undefined),
  })
