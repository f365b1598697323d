import { schemaVersion } from '../model/snapshot.js'
import {
  type Disk,
  discard,
  type OpenFile,
  readSlices,
  syncDirectory,
  writeAll,
  writeNew,
} from './disk.js'
import { headerLine } from './record.js'

/** The log that is written to. After a failure it is as before, or not `sound`. */
export class Journal {
  /** Up to the end of the last change that is safe. */
  length = 0
  /** Whether the file ends at `length`. If not, changes need another file. */
  sound = false
  readonly #disk: Disk
  readonly #path: string
  #file: OpenFile | undefined

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  /** Goes on with the file that is there, behind its good part. */
  async goOn(length: number): Promise<void> {
    await this.close()
    this.#file = await this.#disk.open(this.#path, 'r+')
    this.length = length
    await this.#cutBack()
  }

  /** Resolves when all of it is on the disk. */
  async append(slices: readonly Uint8Array[]): Promise<void> {
    const file = this.#file
    if (file === undefined || !this.sound) throw new Error('the log is not open')
    try {
      let end = this.length
      for (const slice of slices) {
        await writeAll(file, slice, end)
        end += slice.length
      }
      await file.datasync()
      this.length = end
    } catch (error) {
      await this.#cutBack().catch(() => {})
      throw error
    }
  }

  /** What was written without success must not come back after a crash, so the cut has to be safe too. */
  async #cutBack(): Promise<void> {
    this.sound = false
    await this.#file?.truncate(this.length)
    await this.#file?.datasync()
    this.sound = true
  }

  /**
   * Puts a new file in the place of the log, with what the old one holds from `from` on. Nothing may
   * be appended meanwhile. Fails without harm unless `sound` is false afterwards.
   */
  async replace(after: number, from: number, temporary: string): Promise<void> {
    const slices = this.#tail(after, from)
    let length: number
    try {
      length = await writeNew(this.#disk, temporary, slices)
    } catch (error) {
      await discard(this.#disk, temporary)
      throw error
    }
    this.sound = false
    await this.#disk.rename(temporary, this.#path)
    await syncDirectory(this.#disk, this.#path)
    await this.close()
    this.#file = await this.#disk.open(this.#path, 'r+')
    this.length = length
    this.sound = true
  }

  async *#tail(after: number, from: number): AsyncGenerator<Uint8Array> {
    yield Buffer.from(headerLine({ schemaVersion, after }))
    if (this.#file !== undefined) yield* readSlices(this.#file, from, this.length)
  }

  /** Never rejects: all that counts was safe before. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {})
  }
}
