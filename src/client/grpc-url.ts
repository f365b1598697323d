import { isIP } from 'node:net'
import { parseTarget } from '../core/address.js'
import type { TlsOptions } from '../core/connection.js'
import type { InputIssue } from '../core/errors.js'
import type { GrpcPlace } from '../core/grpc-channel.js'

const usualPort = 50_051

export const isGrpcUrl = (url: string): boolean => /^grpcs?:\/\//i.test(url)

/** Never shows the URL: somebody may have put a password into it. */
export function grpcUrlIssue(url: string): InputIssue | undefined {
  const message = 'expected a URL such as grpc://localhost:50051 or grpcs://registry.example:50051'
  try {
    const { protocol } = new URL(url)
    const isPlain = /^grpcs?:\/\/[^/?#@\s\\]+$/i.test(url)
    parseTarget(placeIn(url))
    return isPlain && /^grpcs?:$/.test(protocol) ? undefined : { field: 'url', message }
  } catch {
    return { field: 'url', message }
  }
}

/** Where it leads. With `grpcs`, or TLS options, the connection is encrypted. */
export function grpcPlace(
  url: string,
  tls: TlsOptions | undefined,
): Pick<GrpcPlace, 'host' | 'port' | 'tls'> {
  const secured = /^grpcs:/i.test(url)
  return { ...placeIn(url), tls: secured ? (tls ?? {}) : undefined }
}

function placeIn(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url)
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? usualPort : Number(port),
  }
}

/** For a host and a port from the environment. */
export const grpcUrl = (host: string, port: string): string =>
  `grpc://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
