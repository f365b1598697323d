import { type Clock, systemClock } from '../core/clock.js'
import { type Logger, silentLogger } from '../core/logger.js'
import type { Migration } from '../model/migrations/migration.js'
import { parseFileStoreOptions } from '../model/parse/store-options.js'
import type { Disk } from './disk.js'

export interface FileStoreOptions {
  /** Only `load`, without a lock, also while another process writes; `apply` rejects. Default false. */
  readonly readOnly?: boolean | undefined
  /**
   * Size in bytes from which `path.log` is folded into a new `path`. Default 1 MiB, or twice the
   * size of `path` if that is more.
   */
  readonly compactAtBytes?: number | undefined
  /** A file larger than this is not read, and none larger is written. Default 256 MiB. */
  readonly maxBytes?: number | undefined
  /** For schemas that are not this package's own. */
  readonly migrations?: readonly Migration[] | undefined
  readonly clock?: Clock | undefined
  /** Hears of a last write that a crash cut short, and of compactions that failed. Default silent. */
  readonly logger?: Logger | undefined
}

/** What is left of the options once defaults are in. */
export interface Settings {
  readonly path: string
  readonly readOnly: boolean
  readonly compactAtBytes: number | undefined
  readonly maxBytes: number
  readonly migrations: readonly Migration[]
  readonly clock: Clock
  readonly logger: Logger
  readonly disk: Disk
}

/** Throws `InvalidOptionsError`. */
export function toSettings(disk: Disk, path: string, options: FileStoreOptions): Settings {
  const given = parseFileStoreOptions({ ...options, path })
  return {
    path,
    readOnly: given.readOnly ?? false,
    compactAtBytes: given.compactAtBytes,
    maxBytes: given.maxBytes ?? 2 ** 28,
    migrations: given.migrations ?? [],
    clock: given.clock ?? systemClock,
    logger: given.logger ?? silentLogger,
    disk,
  }
}

export const nameOf = ({ path }: Settings): string => `file store ${path}`
