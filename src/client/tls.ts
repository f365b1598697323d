import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { TlsOptions } from '../core/connection.js'
import { type InputIssue, oneLine } from '../core/errors.js'

/** What of it cannot be used. Otherwise each question would fail, one after the other. */
export function tlsIssue(tls: TlsOptions | undefined): InputIssue | undefined {
  if (tls === undefined) return undefined
  const { ca, cert, key } = tls
  if ((cert === undefined) !== (key === undefined))
    return { field: 'tls', message: 'expected a certificate with its key: `cert` and `key`' }
  try {
    createSecureContext({ ca, cert, key })
    if (ca !== undefined) new X509Certificate(ca) // what is none would be passed over
    return undefined
  } catch (error) {
    const message = `expected authorities, or a certificate and its key, in PEM: ${oneLine(error)}`
    return { field: 'tls', message }
  }
}
