import { type AddressPolicy, parseTarget } from '../../core/address.js'
import { InvalidRegistrationError } from '../../core/errors.js'
import type { ProviderRecord } from '../../model/provider.js'

/**
 * Makes a callable of a record: the `connect` of a registration, of a service or of a sighting. The instance is
 * made once, on first use, and shared. The signal aborts when it takes too long.
 */
export type Connect<T> = (record: ProviderRecord, signal: AbortSignal) => T | Promise<T>

/** What each connector can be told. */
export interface ConnectOptions {
  /** Sent with each request to the address of the provider, and nowhere else. */
  readonly headers?: HeadersFor | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
}

/** Header fields, the same for all, or different for each provider. */
export type HeadersFor =
  | Readonly<Record<string, string>>
  | ((record: ProviderRecord) => Readonly<Record<string, string>> | undefined)

export const headersFor = (
  headers: HeadersFor | undefined,
  record: ProviderRecord,
): Readonly<Record<string, string>> =>
  (typeof headers === 'function' ? headers(record) : headers) ?? {}

/**
 * Where the provider is, as a URL with http or https. Rejects with `InvalidRegistrationError` when its address is
 * none, and with what the policy says when it may not be connected to.
 */
export async function baseOf(record: ProviderRecord, policy: AddressPolicy): Promise<URL> {
  const { name, address } = record
  if (address === undefined)
    throw new InvalidRegistrationError([
      {
        field: 'address',
        message: `provider '${name}' has none, so nothing can be connected to; give one such as http://127.0.0.1:8188`,
      },
    ])
  const url = parsed(address.includes('://') ? address : `http://${address}`)
  parseTarget(url)
  await policy.check(url)
  return new URL(url)
}

/** A WebSocket is on the same port as the HTTP that goes with it. */
function parsed(address: string): string {
  const text = address.replace(/^ws(s?):/i, 'http$1:')
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return text // for parseTarget to refuse
  const url = new URL(text)
  url.hash = ''
  url.search = ''
  return url.href
}
