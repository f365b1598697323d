import { isoTime, systemClock } from '../core/clock.js'
import { CorruptSnapshotError, StoreFailedError } from '../core/errors.js'
import { migrate } from '../model/migrate.js'
import type { Snapshot } from '../model/snapshot.js'
import { encodeChange } from './batch.js'
import { Contents, fold } from './contents.js'
import { Damage } from './log-file.js'
import type { Store, StoreChange } from './store.js'

const name = 'memory store'

/**
 * Keeps a registry for as long as the process lives; for tests. After `close` it may be loaded again,
 * and gives what was applied before. `initial` may be of any past version.
 */
export function memoryStore(initial?: Snapshot): Store {
  const first = initial === undefined ? undefined : JSON.stringify(initial)
  let contents: Contents | undefined
  let savedAt = initial?.savedAt ?? isoTime(0)
  let isOpen = false

  return {
    name,
    async load() {
      if (isOpen) throw new StoreFailedError(name, 'is loaded already')
      if (first !== undefined) contents ??= await read(first)
      isOpen = true
      return contents?.toSnapshot(savedAt)
    },
    async apply(changes: readonly StoreChange[]) {
      if (!isOpen) throw new StoreFailedError(name, 'is not loaded; load() comes first')
      if (changes.length === 0) return
      const encoded = changes.map(encode)
      contents ??= new Contents()
      for (const change of encoded) contents.set(change)
      savedAt = isoTime(systemClock.wall())
    },
    async close() {
      isOpen = false
    },
  }
}

async function read(json: string): Promise<Contents> {
  try {
    return await Contents.of(await fold(migrate(JSON.parse(json)), undefined))
  } catch (cause) {
    if (!(cause instanceof Damage)) throw cause
    throw new CorruptSnapshotError(`The initial snapshot cannot be used: ${cause.message}`)
  }
}

function encode(change: StoreChange): ReturnType<typeof encodeChange> {
  try {
    return encodeChange(change)
  } catch (cause) {
    throw new StoreFailedError(name, 'cannot keep this', cause)
  }
}
