import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { InvalidOptionsError } from '../core/errors.js'

/** All in PEM. */
export interface ServerTls {
  /** With those of its authorities behind it, if there are any between. */
  readonly cert: string
  readonly key: string
  /** Serve only clients whose certificate one of these authorities has signed. */
  readonly clientCa?: string | undefined
}

/** Throws `InvalidOptionsError` for what cannot be used. */
export function checkTls({ cert, key, clientCa }: ServerTls): void {
  try {
    createSecureContext({ cert, key, ca: clientCa })
    if (clientCa !== undefined) new X509Certificate(clientCa) // what is none would be passed over
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''
    throw new InvalidOptionsError(
      [
        {
          field: 'tls',
          message: `must be a certificate and its key, and an authority for clients if there is one, in PEM: ${why}`,
        },
      ],
      'server',
    )
  }
}
