import { ForbiddenAddressError, HttpError, type HttpFailure, oneLine } from './errors.js'

/** What codes of Node, OpenSSL, llhttp and undici mean; the first pattern that fits counts. */
const kinds: readonly (readonly [HttpFailure, RegExp])[] = [
  ['refused', /^E(?:CONNREFUSED|HOSTUNREACH|NETUNREACH|HOSTDOWN|NETDOWN|ADDRNOTAVAIL|ACCES|PERM)$/],
  ['timeout', /^(?:ETIMEDOUT|UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT)$/],
  ['dns', /^(?:ENOTFOUND|ENODATA|EAI_\w+)$/],
  ['too-large', /^(?:UND_ERR_HEADERS_OVERFLOW|HPE_HEADER_OVERFLOW)$/],
  ['reset', /^(?:ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET)$/],
  [
    'tls',
    /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|EPROTO$|HOSTNAME_MISMATCH$)/,
  ],
]

const sayings: Readonly<Record<HttpFailure, string>> = {
  refused: 'refused the connection or cannot be reached; check that it runs there',
  timeout: 'did not answer in time',
  dns: 'has a name that could not be resolved; check the name',
  reset: 'closed the connection before its answer was complete',
  'too-large': 'answered more than is read',
  forbidden: 'may not be connected to',
  aborted: 'was given up by the caller',
  tls: 'failed the TLS handshake; check its certificate and that it speaks https',
  protocol: 'did not answer in HTTP that can be read',
  status: 'answered with another status',
}

/** Anything that was thrown on the way to an answer, as the one error that callers know. */
export function toHttpError(error: unknown, url: string, status?: number): HttpError {
  if (error instanceof HttpError && error.url === url) return error
  for (const one of evidence(error)) {
    if (one instanceof ForbiddenAddressError)
      return new HttpError('forbidden', url, `may not be asked. ${one.message}`, { cause: one })
    if (one instanceof HttpError)
      return failure(one.kind, url, one, codeOf(one.cause) || oneLine(one.cause ?? 'no address'))
    const code = codeOf(one)
    const kind = kinds.find(([, pattern]) => pattern.test(code))?.[0]
    if (kind !== undefined) return failure(kind, url, error, code, status)
  }
  return failure('protocol', url, error, oneLine(error), status)
}

function failure(
  kind: HttpFailure,
  url: string,
  cause: unknown,
  evidence: string,
  status?: number,
) {
  return new HttpError(kind, url, `${sayings[kind]} (${evidence || 'no reason given'})`, {
    cause,
    ...(status !== undefined && { status }),
  })
}

/** The error, and what caused it. When several addresses were tried, Node gives the code of the first. */
function evidence(error: unknown, depth = 0): unknown[] {
  if (!(error instanceof Error) || depth > 5) return [error]
  return [error, ...evidence(error.cause, depth + 1)]
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
