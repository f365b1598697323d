import { isDeepStrictEqual } from 'node:util'
import type { Mirror } from './mirror.js'
import type { RemoteRecord } from './record.js'

/** What became of one record. For `removed`, as it was last. */
export interface RegistryChange {
  readonly type: 'added' | 'changed' | 'removed'
  readonly record: RemoteRecord
}

/**
 * First everything there is, as `added`, then what becomes of it. Who reads slowly sees the newest state of each
 * record, not each step: there is no queue that could grow.
 */
export async function* changesOf(
  mirror: Mirror,
  signal: AbortSignal,
): AsyncGenerator<RegistryChange, void, undefined> {
  const told = new Map<string, RemoteRecord>()
  const open = new Set(mirror.records.map(({ id }) => id))
  let wake = (): void => {}
  const stop = mirror.onChange((id) => {
    open.add(id)
    wake()
  })
  const end = (): void => wake()
  signal.addEventListener('abort', end, { once: true })
  try {
    while (!signal.aborted) {
      for (const id of open) {
        open.delete(id)
        const change = between(told.get(id), mirror.get(id))
        if (change === undefined) continue
        if (change.type === 'removed') told.delete(id)
        else told.set(id, change.record)
        yield change
        if (signal.aborted) return
      }
      if (open.size > 0 || signal.aborted) continue
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    stop()
    signal.removeEventListener('abort', end)
  }
}

function between(
  before: RemoteRecord | undefined,
  now: RemoteRecord | undefined,
): RegistryChange | undefined {
  if (now === undefined)
    return before && Object.freeze<RegistryChange>({ type: 'removed', record: before })
  if (before === undefined) return Object.freeze<RegistryChange>({ type: 'added', record: now })
  // That it lives is no change: each heartbeat says so.
  const isSame = isDeepStrictEqual({ ...before, lastSeen: '' }, { ...now, lastSeen: '' })
  return isSame ? undefined : Object.freeze<RegistryChange>({ type: 'changed', record: now })
}
