import type { Section, Sections, Snapshot } from '../model/snapshot.js'

/** One entry of a section that is now so, or, without a `value`, is gone. */
export type StoreChange = {
  [S in Section]: {
    readonly section: S
    readonly key: string
    /** Plain JSON, frozen. */
    readonly value?: Sections[S] | undefined
  }
}[Section]

/**
 * Remembers a registry. The registry keeps the changes in order, groups them and tries again; a store
 * only writes, or says why it could not.
 */
export interface Store {
  readonly name: string
  /**
   * What was kept, any past version of it; `undefined` when there is nothing. Called once, first.
   * Rejects rather than give a part: `CorruptSnapshotError`, `UnsupportedSnapshotError`, `StoreInUseError`.
   */
  load(): Promise<Snapshot | undefined>
  /**
   * Resolves when all of these changes would survive a crash; when it rejects, none of them is kept.
   * Never called again before it has settled.
   */
  apply(changes: readonly StoreChange[]): Promise<void>
  /**
   * What others change, if anybody else can: all of it since `load`, or since the last call ended, until the signal
   * aborts. Called after `load`. Tells nothing that this store has written, and of an entry that it wrote since, no
   * older state. May tell several changes of an entry as the last one. Throws when it cannot go on.
   */
  watch?(signal: AbortSignal): AsyncIterable<readonly StoreChange[]>
  /** Lets go of what it holds. Called once, after the last `apply` has settled. */
  close(): Promise<void>
}
