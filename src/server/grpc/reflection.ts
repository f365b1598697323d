import type { Server } from '../../core/grpc.js'
import { optionalPackage } from '../../core/optional-package.js'
import { descriptor } from '../../wire/proto/descriptor.js'

export const loadReflection = (): Promise<typeof import('@grpc/reflection')> =>
  optionalPackage('The gRPC server', '@grpc/reflection', '^1.0.4', () => import('@grpc/reflection'))

/**
 * Server reflection, v1 and v1alpha, for tools such as grpcurl. It gets the descriptor that protoc would make:
 * clients refuse what proto-loader makes of maps. Rejects with `MissingPeerError`.
 */
export async function addReflection(server: Server): Promise<void> {
  const { ReflectionService } = await loadReflection()
  // Of what it is given it reads the files alone.
  const file = {
    format: 'Protocol Buffer 3 EnumDescriptorProto' as const,
    type: {},
    fileDescriptorProtos: [Buffer.from(descriptor, 'base64')],
  }
  new ReflectionService({ 'service_registry.proto': file }).addToServer(server)
}
