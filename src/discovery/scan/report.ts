import type { Capability } from '../../model/capability.js'
import type { Health } from '../../model/health.js'
import type { ModelInput } from '../../model/llm-model.js'
import type { BackendProtocol } from '../connect/backend.js'

/** A program that was recognised. Plain frozen data. */
export interface Found {
  /** The same each time: `comfyui@127.0.0.1:8188`. */
  readonly name: string
  readonly kind: string
  readonly title: string
  readonly service: string
  readonly protocol: BackendProtocol
  /** Such as `http://127.0.0.1:8188`. */
  readonly address: string
  /** Where else the same program answers. */
  readonly alsoAt: readonly string[]
  readonly health: Health
  readonly version: string | undefined
  readonly apiVersion: string | undefined
  readonly capabilities: readonly Capability[]
  readonly models: readonly ModelInput[]
  readonly limits: Readonly<Record<string, unknown>> | undefined
  readonly metadata: Readonly<Record<string, unknown>>
  /** What gave it away. */
  readonly evidence: string
  /** By nothing more than a path that such programs agreed on: something else may answer it too. */
  readonly weak: boolean
  /** It is there, and tells nothing more without a key. */
  readonly needsCredentials: boolean
  /** It was recognised, and did not say in time all that it has. Left out otherwise. */
  readonly partial?: boolean
}

/** Something that listens and is none of the known programs, or did not say in time. */
export interface Unknown {
  readonly address: string
  /** Such as `answers, and is none of the programs that are known (Server: AirTunes)`. */
  readonly why: string
  /** It may be anything: it accepted the connection and did not answer in time. */
  readonly silent: boolean
}

/** One address at which something was looked for and not found. */
export interface Tried {
  readonly address: string
  /** Such as `connection refused`, or `is Ollama`. */
  readonly why: string
}

/** A kind of program that was found nowhere. */
export interface Missing {
  readonly kind: string
  readonly title: string
  /** At its own ports, each of them. */
  readonly tried: readonly Tried[]
  /** What to do now, in one sentence. */
  readonly advice: string
}

/** Something in the options that could not be used; everything else was. */
export interface Problem {
  /** Such as `backends.comfyui.ports[0]`, or `host gpu-box` when that leads nowhere. */
  readonly field: string
  readonly message: string
}

export interface ScanReport {
  readonly found: readonly Found[]
  readonly unknown: readonly Unknown[]
  readonly missing: readonly Missing[]
  readonly problems: readonly Problem[]
  /** Host and port pairs that were looked at. */
  readonly ports: number
  /** Whether all of it was looked at before the deadline. */
  readonly complete: boolean
  readonly elapsedMs: number
}

/** How far a scan is. */
export interface Progress {
  /** Host and port pairs that are done, of `total`. */
  readonly done: number
  readonly total: number
  readonly elapsedMs: number
  /** Addresses that answer and are being asked. */
  readonly asking: readonly string[]
  /** As in the report, so far. */
  readonly found: readonly Found[]
}
