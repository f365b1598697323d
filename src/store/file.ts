import { basename, dirname, join } from 'node:path'
import { StoreFailedError } from '../core/errors.js'
import type { Snapshot } from '../model/snapshot.js'
import { Contents, toSnapshot } from './contents.js'
import { type Disk, discard, nodeDisk } from './disk.js'
import { corrupt, toStoreError } from './file-errors.js'
import { type FileStoreOptions, nameOf, type Settings, toSettings } from './file-options.js'
import { FileReader } from './file-reader.js'
import { keepAside } from './keep-aside.js'
import { locate } from './locate.js'
import { Lock } from './lock.js'
import { type Kept, restore, Unreadable } from './restore.js'
import type { Store, StoreChange } from './store.js'
import { Writer } from './writer.js'

/**
 * Keeps a registry in two files: `path` is the last snapshot, `path.log` the changes since. One
 * process writes at a time. `apply` may be called while others wait; they then share a write.
 *
 * `load` also rejects with `StoreFailedError`, for what the system refuses. A damaged file is kept
 * as `<name>.corrupt-<time>`. After a `load` that failed it may be called again.
 * Throws `InvalidOptionsError`.
 */
export function fileStore(path: string, options: FileStoreOptions = {}): Store {
  return fileStoreOn(nodeDisk, path, options)
}

/** The same on another file system, such as one that fails on cue. */
export function fileStoreOn(disk: Disk, path: string, options: FileStoreOptions = {}): Store {
  const settings = toSettings(disk, path, options)
  return settings.readOnly ? new FileReader(settings) : new FileStore(settings)
}

class FileStore implements Store {
  readonly name: string
  readonly #settings: Settings
  #lock: Lock | undefined
  #writer: Writer | undefined
  #loading: Promise<unknown> | undefined
  #closing: Promise<void> | undefined

  constructor(settings: Settings) {
    this.name = nameOf(settings)
    this.#settings = settings
  }

  async load(): Promise<Snapshot | undefined> {
    const refusal = this.#refusal('read')
    if (refusal !== undefined) throw refusal
    if (this.#loading !== undefined) throw new StoreFailedError(this.name, 'is loaded already')
    const loading = this.#load()
    this.#loading = loading
    try {
      return await loading
    } catch (error) {
      await this.#lock?.release()
      this.#lock = undefined
      this.#loading = undefined
      throw toStoreError(this.name, error)
    }
  }

  async #load(): Promise<Snapshot | undefined> {
    const { disk, clock, path } = this.#settings
    const real = await locate(disk, path, true)
    const lock = await Lock.take(`${real}.lock`, { disk, clock, store: this.name })
    this.#lock = lock
    await clearAway(disk, real)
    await lock.tidy().catch(() => {}) // what stays does no harm
    const kept = await restoreOrKeepAside(real, this.#settings)
    const contents = await Contents.of(kept.document)
    this.#report(real, kept)
    this.#writer = new Writer(
      { ...kept, contents },
      { ...this.#settings, lock, path: real, store: this.name },
    )
    return kept.document && toSnapshot(kept.document)
  }

  #report(path: string, { tornBytes }: Kept): void {
    if (tornBytes === 0) return
    this.#settings.logger.warn(
      'The last write of a file store was cut short, by a crash or a full disk, and is left out; whoever asked for it was not told that it was kept',
      { path: `${path}.log`, bytes: tornBytes },
    )
  }

  /** Without a promise of its own: it may be called a hundred thousand times a second. */
  apply(changes: readonly StoreChange[]): Promise<void> {
    const refusal = this.#refusal('written')
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.#writer === undefined)
      return Promise.reject(
        new StoreFailedError(this.name, 'cannot be written before load() has succeeded'),
      )
    return changes.length === 0 ? Promise.resolve() : this.#writer.apply(changes)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#loading?.catch(() => {})
    await this.#writer?.close()
    await this.#lock?.release()
  }

  #refusal(what: string): StoreFailedError | undefined {
    return this.#closing === undefined
      ? undefined
      : new StoreFailedError(this.name, `cannot be ${what}: it was closed; make a new one`)
  }
}

/** Half-written files of a process that is gone. */
async function clearAway(disk: Disk, path: string): Promise<void> {
  const base = basename(path)
  for (const name of await disk.readdir(dirname(path))) {
    const rest = name.startsWith(`${base}.`) ? name.slice(base.length + 1) : ''
    if (temporary.test(rest)) await discard(disk, join(dirname(path), name))
  }
}

/** As `temporaryOf` makes them. */
const temporary = /^(?:log\.)?[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.tmp$/

async function restoreOrKeepAside(path: string, settings: Settings): Promise<Kept> {
  try {
    return await restore(path, settings)
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    const { disk, clock } = settings
    const now = clock.wall()
    const names: string[] = []
    try {
      for (const file of error.damaged) names.push(await keepAside(disk, file, now))
    } catch {
      // It stays where it is, and is refused each time.
    }
    throw corrupt(error, names)
  }
}
