import type { Clock } from '../core/clock.js'
import type { Examination, ExamineOptions } from '../discovery/scan/examine.js'
import type { DiscoverOptions } from '../discovery/scan/options.js'
import type { ScanReport } from '../discovery/scan/report.js'
import type { Model, ModelInput, Provenance } from '../model/llm-model.js'
import type { ProviderView } from '../model/provider.js'
import type { Snapshot } from '../model/snapshot.js'
import type { ListFilter } from '../registry/listing.js'

/** 0: done. 1: failed, or not found. 2: the command line was wrong. 3: no registry answers. 130: interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 130

/** What a command needs of a registry. */
export interface Registry {
  list(filter?: ListFilter): readonly ProviderView[]
  get(name: string): ProviderView | undefined
  readonly models: {
    list(): readonly Model[]
    /** What somebody says about models. All or nothing. */
    update(
      models: readonly ModelInput[],
      by: Pick<Provenance, 'kind' | 'source'>,
    ): { readonly added: readonly Model[]; readonly changed: readonly Model[] }
  }
  export(options?: { readonly secrets?: boolean }): Snapshot
  /** All or nothing. Names what was added and what was changed. */
  import(snapshot: unknown): ImportResult
  /** Resolves when all changes are in the store; rejects with the store's error. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface ImportResult {
  readonly added: readonly string[]
  readonly changed: readonly string[]
}

/** How much a terminal shows at once. */
export interface Screen {
  readonly columns: number
  readonly rows: number
}

/** All that a command may know of, or do to, what is around it. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: string
  /** The user's. */
  readonly home: string
  /** Relative paths start here. */
  readonly folder: string
  /** Of the terminal that reads the output; `undefined` when none does, and nothing is cut off. */
  readonly columns: number | undefined
  readonly colours: boolean
  readonly clock: Clock
  /** The terminal that messages go to, as large as it is now; `undefined` when nothing may be drawn there. */
  screen(): Screen | undefined
  out(text: string): void
  err(text: string): void
  /** All of standard input. */
  input(): Promise<string>
  /** A registry that remembers what is in this file; for reading, also while another process writes it. */
  open(path: string, options: { readonly readOnly: boolean }): Promise<Registry>
  /** A registry that remembers nothing. */
  scratch(): Promise<Registry>
  /** Looks for back ends. */
  discover(options: DiscoverOptions): Promise<ScanReport>
  /** Says what listens at an address. */
  examine(address: string, options: ExamineOptions): Promise<Examination>
  /** Aborts the signal when the user interrupts the work. Whoever interrupts twice ends the process. */
  interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>
}
