import { isIP } from 'node:net'
import { OperationError } from '../operation-error.js'

export interface Home {
  /** Origins whose pages may read answers. */
  readonly allowedOrigins: readonly string[]
  /** Nobody is asked who it is, because only this machine can connect: so can pages that its browsers show. */
  readonly isLocal: boolean
}

type Header = (name: string) => string | undefined

/** Throws `forbidden` for what a page of others sends through a browser of ours. */
export function refuseForeign(header: Header, isChange: boolean, home: Home): void {
  if (home.isLocal && !isOurs(header('host') ?? ''))
    throw new OperationError(
      'forbidden',
      'FOREIGN_HOST',
      'This server asks nobody for a token, so it answers only to localhost, to addresses, and to names without a dot; give it a token',
    )
  const origin = header('origin')
  if (isChange && origin !== undefined && !home.allowedOrigins.includes(origin))
    throw new OperationError(
      'forbidden',
      'FOREIGN_ORIGIN',
      'Pages of this origin may change nothing here; allow it with --allowed-origins',
    )
}

/** Nobody else can let it lead here, as anybody can with a name of the public DNS. */
function isOurs(host: string): boolean {
  const name = host.replace(/:\d*$/, '').replace(/^\[|[\].]$/g, '')
  return !name.includes('.') || isIP(name) !== 0 || name.toLowerCase().endsWith('.localhost')
}
