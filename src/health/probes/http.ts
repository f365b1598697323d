import type { AddressPolicy } from '../../core/address.js'
import { fetchAnswer } from '../../core/http.js'
import type { CheckAnswer } from '../../model/health.js'
import type { Probe } from '../../model/provider.js'
import { addressOf } from './address.js'

export interface HttpProbeOptions {
  /** On the provider's `address`, such as `/health`. Default: the path of the address. */
  readonly path?: string | undefined
  /** Instead of the provider's `address`. */
  readonly url?: string | undefined
  /** Statuses that mean well. Default every 2xx. */
  readonly expect?: readonly number[] | undefined
  /** Such as an `authorization`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** What the body of a good answer says, `undefined` where it was no JSON. Default: nothing, the status is enough. */
  readonly read?: ((body: unknown) => CheckAnswer) | undefined
  /** Which addresses may be asked. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
}

/** Well when a GET is answered with a good status. Redirects are no good status, and are not followed. */
export function httpProbe(options: HttpProbeOptions = {}): Probe {
  const { path, url, expect, headers, read, policy } = options
  const fixed = url === undefined ? undefined : new URL(url)
  const isGood = (status: number): boolean =>
    expect === undefined ? status >= 200 && status < 300 : expect.includes(status)
  return Object.freeze<Probe>({
    name: 'http',
    async check(provider, signal) {
      const base = fixed ?? addressOf(provider, 'give httpProbe a url')
      const target = path === undefined ? base : new URL(path, base)
      const { status, json } = await fetchAnswer(target.href, {
        signal,
        wants: (head) => read !== undefined && isGood(head.status),
        timeoutMs: longestMs,
        maxBytes: mostBytes,
        ...(headers !== undefined && { headers }),
        ...(policy !== undefined && { policy }),
      })
      if (!isGood(status)) return { status: 'unhealthy', message: `answered with status ${status}` }
      return read === undefined ? true : read(json())
    },
  })
}

/** The deadline of the check comes first: its signal. */
const longestMs = 3_600_000
const mostBytes = 1_024 * 1_024
