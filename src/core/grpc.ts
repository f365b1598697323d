import { optionalPackage } from './optional-package.js'

export type Grpc = typeof import('@grpc/grpc-js')
export type {
  ChannelCredentials,
  ChannelOptions,
  Client,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  ServerWritableStream,
  ServiceDefinition,
  ServiceError,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'

/** Loaded on first use: few need it, and it is an optional peer. */
export const loadGrpc = (): Promise<Grpc> =>
  optionalPackage('gRPC', '@grpc/grpc-js', '^1.14', () => import('@grpc/grpc-js'))
