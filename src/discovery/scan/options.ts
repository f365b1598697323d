import type { AddressPolicy } from '../../core/address.js'
import type { Clock } from '../../core/clock.js'
import type { Fingerprint } from './fingerprint.js'
import type { Progress } from './report.js'

/** Where one kind of program is looked for, besides its usual ports on the usual hosts. */
export interface BackendOptions {
  /** More ports. */
  readonly ports?: readonly number[] | undefined
  /** More hosts, at its ports. */
  readonly hosts?: readonly string[] | undefined
  /** Where it is said to be, such as `http://10.0.0.7:8188`: reported as this kind even while it does not answer. */
  readonly addresses?: readonly string[] | undefined
  /** Sent as a bearer token once it is recognised, never before. Not kept in any record. */
  readonly key?: string | undefined
}

export interface DiscoverOptions {
  /** Names and IP addresses. `localhost` is 127.0.0.1 and ::1. Default `['localhost']`. */
  readonly hosts?: readonly string[] | undefined
  /** By kind, such as `comfyui`. */
  readonly backends?: Readonly<Record<string, BackendOptions>> | undefined
  /** Ports that are looked at for everything, both included. Default 8000 to 8200; `false` for none. */
  readonly range?: readonly [first: number, last: number] | false | undefined
  /** Addresses of whatever is there, such as `http://10.0.0.7:9000`. */
  readonly addresses?: readonly string[] | undefined
  /** Look for these kinds only. Default all that are known. */
  readonly only?: readonly string[] | undefined
  /** More programs to look for. They are asked before those that are known. */
  readonly fingerprints?: readonly Fingerprint[] | undefined
  /** For one address to be recognised. Default 2,000. */
  readonly timeoutMs?: number | undefined
  /** For all of it; what has not answered by then is reported as such. Default 4,500. */
  readonly deadlineMs?: number | undefined
  /** Connections that are opened at once. Default 256. */
  readonly concurrency?: number | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
  /** Told after each port, and each back end. What it throws is ignored. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
}
