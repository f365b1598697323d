import type { AddressPolicy } from '../../core/address.js'
import { fetchAnswer, type HttpAnswer } from '../../core/http.js'
import type { CheckAnswer, CheckReport } from '../../model/health.js'
import { statusOfAnswer } from '../../model/health-answer.js'
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
  /**
   * What a good answer says by its body, `undefined` where it was no JSON, and its status; `healthAnswer` is one.
   * Default: nothing, the status is enough.
   */
  readonly read?: ((body: unknown, status: number) => CheckAnswer) | undefined
  /** Which addresses may be asked. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
}

/**
 * Well when a GET is answered with a good status. A 503 whose body is JSON and speaks of loading is `loading`. Redirects
 * are no good status, and are not followed.
 */
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
      const answer = await fetchAnswer(target.href, {
        signal,
        wants: (head) => (isGood(head.status) ? read !== undefined : head.status === unavailable),
        timeoutMs: longestMs,
        maxBytes: mostBytes,
        ...(headers !== undefined && { headers }),
        ...(policy !== undefined && { policy }),
      })
      if (!isGood(answer.status)) return refusal(answer)
      return read === undefined ? true : read(answer.json(), answer.status)
    },
  })
}

const unavailable = 503

/** Programs that read a model answer 503 until it is there, and some say so. Of others no body was read. */
function refusal({ status, json }: HttpAnswer): CheckReport {
  const message = `answered with status ${status}`
  if (statusOfAnswer(json()) === 'loading')
    return { status: 'loading', message: `${message}, and that it is loading` }
  return { status: 'unhealthy', message }
}

/** The deadline of the check comes first: its signal. */
const longestMs = 3_600_000
const mostBytes = 1_024 * 1_024
