import type { Access } from './access.js'
import { GrpcTransport } from './grpc-transport.js'
import { isGrpcUrl } from './grpc-url.js'
import { RestTransport } from './rest-transport.js'
import type { Transport } from './transport.js'

/** What the URL says: gRPC, or REST. */
export const transportFor = (access: Access): Transport =>
  isGrpcUrl(access.url) ? new GrpcTransport(access) : new RestTransport(access)
