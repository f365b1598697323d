import { randomUUID } from 'node:crypto'
import { type Clock, settled } from '../core/clock.js'
import { oneLine, StoreFailedError, StoreInUseError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import { type EncodedGroup, encodeGroups, type Group, toSlices } from './batch.js'
import type { Contents } from './contents.js'
import { adviceFor, type Disk, discard, syncDirectory, writeNew } from './disk.js'
import { Journal } from './journal.js'
import type { Lock } from './lock.js'
import { Pace } from './pace.js'
import type { EncodedChange } from './record.js'
import { type Copy, snapshotSlices } from './snapshot-file.js'
import type { StoreChange } from './store.js'

/** Groups that share one write. More of them would hold up others when they are told. */
const mostGroups = 4_096
const leastCompactBytes = 2 ** 20

export interface WriterPorts {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly lock: Lock
  /** For errors. */
  readonly store: string
  readonly path: string
  readonly maxBytes: number
  /** Size of the log from which it is compacted. */
  readonly compactAtBytes: number | undefined
}

/** Where writing begins. */
export interface Start {
  readonly contents: Contents
  readonly sequence: number
  readonly snapshotBytes: number
  /** Up to where the log is good; `undefined` when it cannot be gone on with. */
  readonly logBytes: number | undefined
}

/**
 * Keeps changes: whoever waits shares one write. When the log has grown, a copy of the contents is
 * written beside while appends go on, and then the log is cut to what came after the copy.
 */
export class Writer {
  readonly #ports: WriterPorts
  readonly #contents: Contents
  readonly #journal: Journal
  #sequence: number
  #snapshotBytes: number
  #goOnAt: number | undefined
  #waiting: Group[] = []
  #running: Promise<void> | undefined
  #copying: Promise<void> | undefined
  /** A copy that is safe: what is in it need not stay in the log. */
  #copied: { readonly sequence: number; readonly logBytes: number } | undefined
  /** The last change before those of the log, as far as is known. */
  #logAfter: number | undefined
  /** After a failure the log has to grow this far before the next compaction. */
  #compactNextAt = 0

  constructor({ contents, sequence, snapshotBytes, logBytes }: Start, ports: WriterPorts) {
    this.#ports = ports
    this.#contents = contents
    this.#sequence = sequence
    this.#snapshotBytes = snapshotBytes
    this.#goOnAt = logBytes
    this.#journal = new Journal(ports.disk, `${ports.path}.log`)
  }

  apply(changes: readonly StoreChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, resolve, reject })
      this.#wake()
    })
  }

  /** Ends what was begun. Nothing may be applied any more. */
  async close(): Promise<void> {
    while (this.#running !== undefined || this.#copying !== undefined) {
      await this.#copying
      await this.#running
    }
    await this.#journal.close()
  }

  #wake(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    await settled() // those who come in the same turn go together
    while (this.#waiting.length > 0 || this.#copied !== undefined) {
      await this.#cutLog()
      await this.#commit()
      this.#compactIfDue()
    }
    this.#running = undefined
  }

  async #commit(): Promise<void> {
    const groups = await this.#encode(this.#waiting.splice(0, mostGroups))
    if (groups.length === 0) return
    try {
      await this.#ports.lock.confirm()
      await this.#prepare()
      await this.#append(groups)
    } catch (cause) {
      const error = this.#failure(cause)
      for (const { group } of groups) group.reject(error)
      return
    }
    await this.#takeOver(groups)
    for (const { group } of groups) group.resolve()
  }

  /** Those that can be kept; the others are told why not. */
  #encode(groups: readonly Group[]): Promise<readonly EncodedGroup[]> {
    const { maxBytes } = this.#ports
    let bytes = this.#contents.bytes
    const check = (changes: readonly EncodedChange[]): void => {
      let growth = 0
      for (const change of changes) growth += this.#contents.growth(change)
      if (growth > 0 && bytes + growth > maxBytes) throw this.#tooLarge()
      bytes += growth
    }
    return encodeGroups(groups, check, (group, cause) => group.reject(this.#failure(cause)))
  }

  async #append(groups: readonly EncodedGroup[]): Promise<void> {
    const slices = await toSlices(groups, this.#sequence)
    await this.#makeRoom(slices.reduce((sum, { length }) => sum + length, 0))
    const last = groups.reduce((sum, { changes }) => sum + changes.length, this.#sequence)
    try {
      await this.#journal.append(slices)
    } catch (error) {
      // These numbers may still be in the file. A snapshot that has passed them makes them void.
      if (!this.#journal.sound) this.#sequence = last
      throw error
    }
    this.#sequence = last
  }

  async #takeOver(groups: readonly EncodedGroup[]): Promise<void> {
    const pace = new Pace()
    for (const { changes } of groups)
      for (const change of changes) {
        this.#contents.set(change)
        const pause = pace.entry(0)
        if (pause !== undefined) await pause
      }
  }

  /** Sees to it that the log can be appended to. */
  async #prepare(): Promise<void> {
    if (this.#goOnAt !== undefined) {
      await this.#journal.goOn(this.#goOnAt)
      this.#goOnAt = undefined
    }
    if (!this.#journal.sound) await this.#startOver()
  }

  /** A log that is too long would not be read again. */
  async #makeRoom(bytes: number): Promise<void> {
    const { maxBytes } = this.#ports
    if (this.#journal.length + bytes > maxBytes) await this.#startOver()
    if (this.#journal.length + bytes > maxBytes) throw this.#tooLarge()
  }

  /** A new snapshot, and a log without changes. */
  async #startOver(): Promise<void> {
    await this.#copying
    this.#copied = undefined
    await this.#writeCopy(this.#copy())
    await this.#replaceLog(this.#sequence, this.#journal.length)
  }

  #compactIfDue(): void {
    const { compactAtBytes = Math.max(leastCompactBytes, 2 * this.#snapshotBytes) } = this.#ports
    const { sound, length } = this.#journal
    const busy = this.#copying !== undefined || this.#copied !== undefined
    const isEmpty = this.#logAfter === this.#sequence
    if (busy || isEmpty || !sound || length <= Math.max(compactAtBytes, this.#compactNextAt)) return
    const copy = this.#copy()
    this.#copying = this.#writeCopy(copy)
      .then(() => {
        this.#copied = { sequence: copy.sequence, logBytes: length }
      })
      .catch((error) => this.#postpone(error))
      .finally(() => {
        this.#copying = undefined
        this.#wake()
      })
  }

  #copy(): Copy {
    return { sequence: this.#sequence, entries: this.#contents.copy() }
  }

  async #writeCopy(copy: Copy): Promise<void> {
    const { disk, path, clock, lock } = this.#ports
    const temporary = temporaryOf(path)
    try {
      const bytes = await writeNew(disk, temporary, snapshotSlices(copy, clock.wall()))
      await lock.confirm(0)
      await disk.rename(temporary, path)
      this.#snapshotBytes = bytes
    } catch (error) {
      await discard(disk, temporary)
      throw error
    }
    await syncDirectory(disk, path)
  }

  async #cutLog(): Promise<void> {
    const copied = this.#copied
    this.#copied = undefined
    if (copied === undefined || !this.#journal.sound) return
    try {
      await this.#replaceLog(copied.sequence, copied.logBytes)
    } catch (error) {
      this.#postpone(error)
    }
  }

  async #replaceLog(after: number, from: number): Promise<void> {
    await this.#ports.lock.confirm(0)
    await this.#journal.replace(after, from, temporaryOf(`${this.#ports.path}.log`))
    this.#logAfter = after
    this.#compactNextAt = 0
  }

  #postpone(error: unknown): void {
    const { length } = this.#journal
    this.#compactNextAt = length + leastCompactBytes
    const fields = { path: this.#ports.path, logBytes: length, error: oneLine(error) }
    this.#ports.logger.warn(
      'A file store could not compact its log; nothing is lost, the log stays long, and it is tried again',
      fields,
    )
  }

  #failure(cause: unknown): Error {
    if (cause instanceof StoreInUseError || cause instanceof StoreFailedError) return cause
    const what = `could not be written${adviceFor(cause)}. Nothing of this change was kept`
    return new StoreFailedError(this.#ports.store, what, cause)
  }

  #tooLarge(): StoreFailedError {
    const what = `would become larger than the ${this.#ports.maxBytes} bytes that it reads again; remove something or raise maxBytes. Nothing of this change was kept`
    return new StoreFailedError(this.#ports.store, what)
  }
}

/** Of the form that `load` clears away. */
const temporaryOf = (path: string): string => `${path}.${randomUUID()}.tmp`
