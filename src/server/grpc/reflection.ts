import type { Server } from '../../core/grpc.js'
import { optionalPackage } from '../../core/optional-package.js'
import { descriptor } from '../../wire/proto/descriptor.js'
import { descriptor as ownDescriptor } from '../../wire/proto/switchgear-descriptor.js'

export const loadReflection = (): Promise<typeof import('@grpc/reflection')> =>
  optionalPackage('The gRPC server', '@grpc/reflection', '^1.0.4', () => import('@grpc/reflection'))

/**
 * Server reflection, v1 and v1alpha, for tools such as grpcurl. It gets the descriptors that protoc would make:
 * clients refuse what proto-loader makes of maps. Rejects with `MissingPeerError`.
 */
export async function addReflection(server: Server): Promise<void> {
  const { ReflectionService } = await loadReflection()
  new ReflectionService({
    'service_registry.proto': fileOf(descriptor),
    'switchgear.proto': fileOf(ownDescriptor),
  }).addToServer(server)
}

/** Of what it is given reflection reads the files alone. */
const fileOf = (encoded: string) => ({
  format: 'Protocol Buffer 3 EnumDescriptorProto' as const,
  type: {},
  fileDescriptorProtos: [Buffer.from(encoded, 'base64')],
})
