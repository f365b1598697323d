import type { Health } from './health.js'
import type { ModelInput } from './llm-model.js'
import type { Probe, ProviderRecord, Registration } from './provider.js'

/** What a source sees of a provider: a registration without an instance, under a name of its own. */
export type Sighting = Omit<
  Registration,
  'name' | 'provider' | 'connect' | 'health' | 'withSignal' | 'guard' | 'replace'
> & {
  /** The same provider has the same name each time, such as `comfyui@127.0.0.1:8188`. */
  readonly name: string
  /** What the source says about it, where it says something. */
  readonly health?: Health | undefined
  /**
   * Makes its instance on first use, unless `services.<name>.connect` does. The same function each time: with
   * another one, the instance is made anew.
   */
  readonly connect?: ((record: ProviderRecord, signal: AbortSignal) => unknown) | undefined
  /** How to ask whether it is well between two views. The same object each time. */
  readonly probe?: Probe | undefined
  /** What it says about its models, for `registry.models`. */
  readonly catalogue?: readonly ModelInput[] | undefined
}
