import { MissingPeerError } from '../../core/errors.js'
import { loadGrpc } from '../../core/grpc.js'
import { loadDefinition } from '../../wire/proto/definition.js'
import { loadHealth } from './health.js'
import { loadReflection } from './reflection.js'

/** Why gRPC cannot be served here: the first of its packages that is not installed. */
export async function missingForGrpc(): Promise<MissingPeerError | undefined> {
  try {
    for (const load of [loadGrpc, loadDefinition, loadHealth, loadReflection]) await load()
    return undefined
  } catch (error) {
    if (error instanceof MissingPeerError) return error
    throw error
  }
}
