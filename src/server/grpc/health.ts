import type { Server } from '../../core/grpc.js'
import { optionalPackage } from '../../core/optional-package.js'
import { ownServiceName, serviceName } from '../../wire/proto/definition.js'

export interface HealthService {
  /** Tells who asks or watches that this server is about to end. */
  close(): void
}

export const loadHealth = (): Promise<typeof import('grpc-health-check')> =>
  optionalPackage('The gRPC server', 'grpc-health-check', '^2.1', () => import('grpc-health-check'))

const names = ['', serviceName, ownServiceName]

/** `grpc.health.v1`, for the server as a whole and for each of its services. Rejects with `MissingPeerError`. */
export async function addHealth(server: Server): Promise<HealthService> {
  const { HealthImplementation } = await loadHealth()
  const health = new HealthImplementation(
    Object.fromEntries(names.map((name) => [name, 'SERVING'])),
  )
  health.addToServer(server)
  return {
    close() {
      for (const name of names) health.setStatus(name, 'NOT_SERVING')
    },
  }
}
