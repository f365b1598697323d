import { isIP, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { TlsOptions } from './connection.js'
import type { ChannelCredentials, Grpc } from './grpc.js'

export interface Secured {
  /** Whom the certificate has to be for, unless `tls` names another: a name, or an IP address. */
  readonly hostname: string
  /** Without encryption when left out. Certificates are always verified. */
  readonly tls: TlsOptions | undefined
}

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>
type Arguments = Parameters<ChannelCredentials['_createSecureConnector']>

/**
 * Credentials that make connections secure by ourselves. grpc-js always sends a server name, also when it is an IP
 * address, which TLS forbids (RFC 6066, section 3) and newer Node refuses; here an address is looked for among those
 * that the certificate is for. `connected` is given each socket, before it is used.
 */
export function channelCredentials(
  grpc: Grpc,
  { hostname, tls }: Secured,
  connected: (socket: Socket) => void = () => {},
): ChannelCredentials {
  const plain = grpc.ChannelCredentials.createInsecure()
  class OwnCredentials extends grpc.ChannelCredentials {
    _isSecure(): boolean {
      return tls !== undefined
    }

    _equals(other: ChannelCredentials): boolean {
      return this === other
    }

    _createSecureConnector(...given: Arguments): Connector {
      const inner = plain._createSecureConnector(...given)
      return {
        async connect(socket) {
          connected(socket)
          if (tls === undefined) return { socket, secure: false }
          const secure = await secured(socket, hostname, tls)
          connected(secure)
          return { socket: secure, secure: true }
        },
        waitForReady: () => inner.waitForReady(),
        getCallCredentials: () => inner.getCallCredentials(),
        destroy: () => inner.destroy(),
      }
    }
  }
  return new OwnCredentials()
}

function secured(socket: Socket, hostname: string, tls: TlsOptions): Promise<TLSSocket> {
  const { ca, cert, key, servername = hostname } = tls
  return new Promise((resolve, reject) => {
    const secure = connect(
      {
        socket,
        host: servername,
        ALPNProtocols: ['h2'],
        rejectUnauthorized: true, // whatever NODE_TLS_REJECT_UNAUTHORIZED says
        ...(isIP(servername) === 0 && { servername }),
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
      },
      () => resolve(secure),
    )
    secure.on('error', reject)
  })
}
