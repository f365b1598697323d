import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { oneLine } from '../../core/errors.js'
import { askGrpc, type GrpcAnswer, type GrpcTls } from '../../core/grpc-ask.js'
import type { CheckReport } from '../../model/health.js'
import type { Probe } from '../../model/provider.js'
import { addressOf, hostOf, portOf } from './address.js'
import { encodeHealthRequest, readServingStatus } from './grpc-messages.js'

export interface GrpcProbeOptions {
  /** As the server has named it to its health service, such as `shop.Orders`. Default: the server as a whole. */
  readonly service?: string | undefined
  /** Instead of the provider's `address`, such as `grpc://10.0.0.7:50051`. */
  readonly url?: string | undefined
  /** Whether to encrypt, or with which certificates. Default: for `https:` and `grpcs:` only. */
  readonly tls?: boolean | GrpcTls | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
}

/**
 * Well when the server says `SERVING` by the gRPC health checking protocol (`grpc.health.v1.Health/Check`,
 * https://grpc.io/docs/guides/health-checking). Needs the package `@grpc/grpc-js`.
 */
export function grpcProbe(options: GrpcProbeOptions = {}): Probe {
  const { service = '', url, tls, policy = defaultAddressPolicy } = options
  const fixed = url === undefined ? undefined : new URL(url)
  const message = encodeHealthRequest(service)
  return Object.freeze<Probe>({
    name: 'grpc',
    async check(provider, signal) {
      const base = fixed ?? addressOf(provider, 'give grpcProbe a url')
      const target = await policy.check({ host: hostOf(base), port: portOf(base) })
      const secured = tlsFor(base, tls)
      return verdictOf(await askGrpc(target, { method, message, tls: secured, signal }), service)
    },
  })
}

const method = '/grpc.health.v1.Health/Check'

function tlsFor({ protocol }: URL, tls: GrpcProbeOptions['tls']): GrpcTls | undefined {
  const wanted = tls ?? (protocol === 'https:' || protocol === 'grpcs:')
  if (typeof wanted === 'object') return wanted
  return wanted ? {} : undefined
}

function verdictOf({ status, details, message }: GrpcAnswer, service: string): CheckReport {
  if (status === 'OK') return verdicts[readServingStatus(message)](service)
  if (status === 'NOT_FOUND') return verdicts.SERVICE_UNKNOWN(service)
  if (status === 'UNIMPLEMENTED') return no('it does not implement grpc.health.v1; use tcpProbe')
  return no(`answered ${status}: ${oneLine(details)}`)
}

const no = (message: string): CheckReport => ({ status: 'unhealthy', message })
const named = (service: string): string =>
  service === '' ? 'the server as a whole' : `"${oneLine(service)}"`

const verdicts = {
  SERVING: (): CheckReport => ({ status: 'healthy' }),
  NOT_SERVING: (service: string) => no(`says that ${named(service)} is not serving`),
  UNKNOWN: (service: string): CheckReport => ({
    status: 'unknown',
    message: `does not know yet how ${named(service)} is`,
  }),
  SERVICE_UNKNOWN: (service: string) =>
    no(`its health service knows nothing of ${named(service)}; give grpcProbe a service it names`),
} as const
