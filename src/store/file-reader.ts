import { settled } from '../core/clock.js'
import { StoreFailedError } from '../core/errors.js'
import type { Snapshot } from '../model/snapshot.js'
import { toSnapshot } from './contents.js'
import { corrupt, toStoreError } from './file-errors.js'
import { nameOf, type Settings } from './file-options.js'
import { locate } from './locate.js'
import { restore, Unreadable } from './restore.js'
import type { Store } from './store.js'

/** Times that a writer may get in the way of a reader in a row. */
const mostReads = 10

/** Reads what another process may be writing, and touches nothing. */
export class FileReader implements Store {
  readonly name: string
  readonly #settings: Settings

  constructor(settings: Settings) {
    this.name = nameOf(settings)
    this.#settings = settings
  }

  async load(): Promise<Snapshot | undefined> {
    const { disk, path } = this.#settings
    try {
      return await this.#read(await locate(disk, path, false))
    } catch (error) {
      throw toStoreError(this.name, error)
    }
  }

  async #read(path: string, turn = 1): Promise<Snapshot | undefined> {
    try {
      const { document } = await restore(path, this.#settings)
      return document && toSnapshot(document)
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      if (turn === mostReads) throw corrupt(error, [])
      await settled()
      return this.#read(path, turn + 1)
    }
  }

  async apply(): Promise<void> {
    throw new StoreFailedError(this.name, 'was opened with readOnly: true and cannot be written')
  }

  async close(): Promise<void> {}
}
