import { fileURLToPath } from 'node:url'
import type { PackageDefinition } from '@grpc/proto-loader'
import { optionalPackage } from '../../core/optional-package.js'
import { schema } from './descriptor.js'
import { schema as ownSchema } from './switchgear-descriptor.js'

/** Of the one service of `service_registry.proto`, as health and reflection name it too. */
export const serviceName = 'neural_hive.service_registry.ServiceRegistry'

/** Of the one service of `switchgear.proto`. */
export const ownServiceName = 'switchgear.v1.Registry'

/** For whoever makes a client from it. The build puts the file beside this one; nothing here reads it. */
export const protoFile: string = fileURLToPath(new URL('./service_registry.proto', import.meta.url))

/**
 * How messages look in JavaScript: fields named as in the files, numbers for enums and int64, a default for all that
 * was not sent, and null for a message that was not. `messages.ts` and `switchgear-messages.ts` have the types.
 */
const options = { keepCase: true, longs: Number, defaults: true, arrays: true, objects: true }

/** What both files define, by full name. Rejects with `MissingPeerError`. */
export async function loadDefinition(): Promise<PackageDefinition> {
  const { fromJSON } = await optionalPackage(
    'gRPC',
    '@grpc/proto-loader',
    '^0.8',
    () => import('@grpc/proto-loader'),
  )
  return { ...fromJSON(JSON.parse(schema), options), ...fromJSON(JSON.parse(ownSchema), options) }
}
