import { MissingPeerError } from '../../core/errors.js'
import { loadGrpc } from '../../core/grpc.js'
import { loadDefinition } from '../../wire/proto/definition.js'
import { loadHealth } from './health.js'
import { loadReflection } from './reflection.js'

/** Why gRPC cannot be served here: an error for each of its packages that is not installed. */
export async function missingForGrpc(): Promise<readonly MissingPeerError[]> {
  const missing: MissingPeerError[] = []
  for (const load of [loadGrpc, loadDefinition, loadHealth, loadReflection])
    await load().catch((error: unknown) => {
      if (error instanceof MissingPeerError) missing.push(error)
      else if (missing.length === 0) throw error // else it may have needed what is missing
    })
  return missing
}
