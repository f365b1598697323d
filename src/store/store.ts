import type { Section, Sections, Snapshot } from '../model/snapshot.js'

/** One entry of a section that is now so, or, without a `value`, is gone. */
export type StoreChange = {
  [S in Section]: {
    readonly section: S
    readonly key: string
    /** Plain JSON, frozen. */
    readonly value?: Sections[S] | undefined
    /** Of a provider: it was registered again, so what others knew of the one before is over. */
    readonly anew?: boolean | undefined
  }
}[Section]

/**
 * Remembers a registry. The registry keeps the changes in order, groups them and tries again; a store
 * only writes, or says why it could not.
 */
export interface Store {
  readonly name: string
  /**
   * It ends leases itself, for all who share it: `watch` tells one that is over with `expired`, and later that its
   * provider is gone. Default false: each registry ends them for itself.
   */
  readonly endsLeases?: boolean | undefined
  /**
   * What was kept, any past version of it; `undefined` when there is nothing. Called once, first.
   * Rejects rather than give a part: `CorruptSnapshotError`, `UnsupportedSnapshotError`, `StoreInUseError`.
   */
  load(): Promise<Snapshot | undefined>
  /**
   * Resolves when all of these changes would survive a crash; when it rejects, none of them is kept. What others have
   * put in the place of some of them has then been told by `watch`. Never called again before it has settled.
   */
  apply(changes: readonly StoreChange[]): Promise<void>
  /**
   * What others change, if anybody else can: all of it since `load`, or since the last call ended, until the signal
   * aborts. Called after `load`. Tells nothing that this store has written, and of an entry that it wrote since, no
   * older state. May tell several changes of an entry as the last one. Throws when it cannot go on. May call
   * `caughtUp` each time when it has told all there is.
   */
  watch?(signal: AbortSignal, caughtUp?: () => void): AsyncIterable<readonly StoreChange[]>
  /** Lets go of what it holds. Called once, after the last `apply` has settled. */
  close(): Promise<void>
}
