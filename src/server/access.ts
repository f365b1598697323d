import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { OperationError } from './operation-error.js'
import type { Caller } from './operations.js'

export interface AccessOptions {
  /** Without one nobody is asked for a token. */
  readonly operatorToken?: string | undefined
  /** Whether anybody may read. Default: only who has the operator token, where there is one. */
  readonly openReads?: boolean | undefined
}

/** 256 bits, in letters that a URL and a header leave alone. */
export const newToken = (): string => randomBytes(32).toString('base64url')

/** What is kept of a token. */
export const proofOf = (token: string): string => createHash('sha256').update(token).digest('hex')

/** In the same time whatever is equal. */
function proves(token: string, proof: string): boolean {
  const [shown, kept] = [Buffer.from(proofOf(token), 'hex'), Buffer.from(proof, 'hex')]
  return kept.length === shown.length && timingSafeEqual(shown, kept)
}

/** Who may do what. Rule 9.4: with an operator token, a change needs it, or the token of what is changed. */
export class Access {
  readonly #operator: string | undefined
  readonly #openReads: boolean

  constructor({ operatorToken, openReads = false }: AccessOptions) {
    this.#operator = operatorToken === undefined ? undefined : proofOf(operatorToken)
    this.#openReads = openReads
  }

  /** Throws `unauthenticated`. */
  admitReader(caller: Caller): void {
    if (this.#openReads || this.#isOperator(caller)) return
    throw refused('Reading needs the operator token')
  }

  /**
   * Throws `unauthenticated` for who shows no token at all. Who shows one may be an agent whose id was forgotten: only
   * by `not-found` it knows that it has to register again.
   */
  admitCaller({ token }: Caller): void {
    if (this.#operator !== undefined && token === undefined)
      throw refused('A change needs the operator token')
  }

  /** Throws `unauthenticated`. `proof` is that of what is changed, if it is there. */
  admitChange({ token }: Caller, proof?: string): void {
    if (this.#isOperator({ token })) return
    if (token !== undefined && proof !== undefined && proves(token, proof)) return
    throw refused(
      proof === undefined || token === undefined // who shows none is not told whether it is there
        ? 'A change needs the operator token'
        : 'A change needs the operator token, or the one that its registration was answered with',
    )
  }

  /** Throws `unauthenticated`: where clients have to show a certificate, only the operator may do without. */
  admitWithoutCertificate(caller: Caller): void {
    if (this.#operator !== undefined && this.#isOperator(caller)) return
    throw new OperationError(
      'unauthenticated',
      'UNAUTHENTICATED',
      'Show a certificate of an authority that this server believes, or the operator token',
    )
  }

  #isOperator({ token }: Caller): boolean {
    if (this.#operator === undefined) return true
    return token !== undefined && proves(token, this.#operator)
  }
}

const refused = (what: string): OperationError =>
  new OperationError(
    'unauthenticated',
    'UNAUTHENTICATED',
    `${what}; send it as "authorization: Bearer <token>"`,
  )
