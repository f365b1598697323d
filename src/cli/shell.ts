import type { Model } from '../model/llm-model.js'
import type { ProviderView } from '../model/provider.js'
import type { Snapshot } from '../model/snapshot.js'
import type { ListFilter } from '../registry/listing.js'

/** 0: done. 1: failed, or not found. 2: the command line was wrong. */
export type ExitCode = 0 | 1 | 2

/** What a command needs of a registry. */
export interface Registry {
  list(filter?: ListFilter): readonly ProviderView[]
  get(name: string): ProviderView | undefined
  readonly models: { list(): readonly Model[] }
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
  out(text: string): void
  err(text: string): void
  /** All of standard input. */
  input(): Promise<string>
  /** A registry that remembers what is in this file; for reading, also while another process writes it. */
  open(path: string, options: { readonly readOnly: boolean }): Promise<Registry>
  /** A registry that remembers nothing. */
  scratch(): Promise<Registry>
}
