import type { Health } from '../../model/health.js'
import type { ModelInput } from '../../model/llm-model.js'
import type { CapabilityInput } from '../../model/provider.js'
import type { BackendProtocol } from '../connect/backend.js'
import type { Asking } from './asking.js'

/** That an address is this program, and how that is known. */
export interface Recognition {
  /** What gave it away, such as `GET /system_stats names comfyui_version`. */
  readonly evidence: string
  /** It is there, and tells nothing more without a key. */
  readonly needsCredentials?: boolean | undefined
  /** Default `healthy`. */
  readonly health?: Health | undefined
  readonly version?: string | undefined
  /** What the answer says nothing about is asked for by `describe`, not at each check. */
  readonly models?: readonly string[] | undefined
}

/** What the program says about itself. What is left out is unknown. */
export interface Description {
  /** Of the program, not of the framework it is made with. */
  readonly version?: string | undefined
  readonly apiVersion?: string | undefined
  /** All it has, for the catalogue of models too. */
  readonly models?: readonly ModelInput[] | undefined
  /** What it can do. Default: what its models can do. */
  readonly capabilities?: readonly CapabilityInput[] | undefined
  readonly limits?: Readonly<Record<string, unknown>> | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly health?: Health | undefined
  readonly needsCredentials?: boolean | undefined
}

/** How one program is told from all others, and asked what it has. */
export interface Fingerprint {
  /** In lower case, such as `comfyui`. */
  readonly kind: string
  /** As its makers write it. */
  readonly title: string
  /** The service its instances are registered for. */
  readonly service: 'llm' | 'media' | 'tools' | 'agent'
  /** Says which connector makes a client of it. */
  readonly protocol: BackendProtocol
  /** Where it listens unless told otherwise, the likeliest first. They say nothing about who listens. */
  readonly ports: readonly number[]
  /** A path that a wrapper of it is agreed to answer with a JSON object. Weaker than everything else. */
  readonly agreedPath?: string | undefined
  /** The same for what says something by itself on a WebSocket. */
  readonly greeting?: { readonly path: string; isItsOwn(message: unknown): boolean } | undefined
  /** What it can do even if it says nothing about it. Default nothing. */
  readonly capabilities?: readonly string[] | undefined
  /** What somebody can do who misses it, as one sentence. */
  readonly advice: string
  /**
   * Whether it is this program. By the fields of a body, never by a status or a port alone. Asks only what costs
   * nothing and changes nothing. It may believe that no fingerprint before it in the list has matched.
   */
  recognise(asking: Asking): Promise<Recognition | undefined>
  /** What it has. What it throws leaves the program found, and unknown in detail. */
  describe(asking: Asking): Promise<Description>
}
