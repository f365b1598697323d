import { randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../core/clock.js'
import { StoreInUseError } from '../core/errors.js'
import {
  codeOf,
  type Disk,
  discard,
  ifThere,
  type OpenFile,
  ownerOnly,
  withFile,
  writeAll,
  writeNew,
} from './disk.js'
import { fateOf, newOwner, type Owner, ownerText, toOwner } from './owner.js'

/** How often an owner shows that it lives, and looks whether the lock is still its own. */
const refreshMs = 10_000
/** An owner that nobody here can see, and that showed no life for so long, is gone. */
const staleMs = 60_000
/** Turns over one lock that others keep changing. */
const mostTurns = 1_000
/** A lock file is a line; what is longer is none. */
const longestLock = 4_096

/** The end of the name of a claim, or of a file that is to become a lock. */
const attempt = /^(?:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}(?:\.tmp)?|\d+-\d+)$/

/** A lock file as it was found. */
interface Holder {
  /** `undefined` when the file cannot be read as a lock, such as one that is being written. */
  readonly owner: Owner | undefined
  readonly id: string
  readonly mtimeMs: number
}

export interface LockPorts {
  readonly disk: Disk
  readonly clock: Clock
  /** For errors. */
  readonly store: string
}

/**
 * A file that says who may write. Whoever wants to change somebody else's first claims the right to
 * by a file named after that lock's id, so that of many who find a stale lock one gets it.
 */
export class Lock {
  readonly #path: string
  readonly #owner: Owner
  readonly #bytes: Buffer
  readonly #ports: LockPorts
  #file: OpenFile | undefined
  #stopRefresh: (() => void) | undefined
  #seen: { readonly now: number; readonly wall: number }
  #lost: StoreInUseError | undefined
  /** What time it is on the file system. */
  #fileTimeMs = 0

  private constructor(path: string, owner: Owner, ports: LockPorts) {
    this.#path = path
    this.#owner = owner
    this.#bytes = Buffer.from(`${JSON.stringify(owner)}\n`)
    this.#ports = ports
    this.#seen = { now: ports.clock.now(), wall: ports.clock.wall() }
  }

  /** Rejects with `StoreInUseError` while somebody else has it. */
  static async take(path: string, ports: LockPorts): Promise<Lock> {
    const lock = new Lock(path, await newOwner(), ports)
    await lock.#acquire(path)
    try {
      lock.#file = await ports.disk.open(path, 'r+')
      await lock.#check()
    } catch (error) {
      await lock.release()
      throw error
    }
    lock.#stopRefresh = ports.clock.every(refreshMs, () => lock.#refresh())
    return lock
  }

  /** Rejects when the lock is not ours any more. Looks at the file if that was not done lately. */
  async confirm(atMostMs: number = refreshMs): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    const { clock } = this.#ports
    const ageMs = Math.max(clock.now() - this.#seen.now, clock.wall() - this.#seen.wall)
    if (ageMs >= atMostMs) await this.#check()
  }

  /** Never rejects: a lock that stays behind is stale as soon as this process ends. */
  async release(): Promise<void> {
    this.#stopRefresh?.()
    await this.#file?.close().catch(() => {})
    this.#file = undefined
    if (this.#lost !== undefined) return
    const claim = this.#claimOf(this.#owner.id)
    try {
      if (!(await this.#place(claim))) return // somebody takes it for stale, and over
      if ((await this.#look(this.#path))?.id === this.#owner.id) await this.#disk.unlink(this.#path)
    } catch {
      // see above
    } finally {
      await this.#giveUp(claim)
    }
  }

  /** Removes what processes that are gone have left of their attempts to get the lock. */
  async tidy(): Promise<void> {
    const prefix = `${basename(this.#path)}.`
    const folder = dirname(this.#path)
    for (const name of await this.#disk.readdir(folder)) {
      const rest = name.startsWith(prefix) ? name.slice(prefix.length) : ''
      if (!attempt.test(rest) || rest === this.#owner.id) continue
      const path = join(folder, name)
      const holder = await this.#look(path)
      if (holder !== undefined && (await this.#isStale(holder))) await discard(this.#disk, path)
    }
  }

  get #disk(): Disk {
    return this.#ports.disk
  }

  #claimOf(id: string): string {
    return `${this.#path}.${id}`
  }

  async #acquire(path: string): Promise<void> {
    for (let turn = 0; turn < mostTurns; turn++) {
      if (await this.#place(path)) return
      const holder = await this.#look(path)
      if (holder === undefined) continue
      if (!(await this.#isStale(holder))) throw this.#inUse(holder)
      if (await this.#takeOver(path, holder)) return
    }
    throw new StoreInUseError(this.#ports.store, 'many at once', 'try again')
  }

  async #takeOver(path: string, stale: Holder): Promise<boolean> {
    const claim = this.#claimOf(stale.id)
    await this.#acquire(claim)
    try {
      if ((await this.#look(path))?.id !== stale.id) return false
      const own = await this.#writeOwn()
      await this.#disk.rename(own, path)
      return true
    } finally {
      await this.#giveUp(claim)
    }
  }

  async #giveUp(claim: string): Promise<void> {
    const holder = await this.#look(claim).catch(() => undefined)
    if (holder?.id === this.#owner.id) await discard(this.#disk, claim)
  }

  /** Whether there was no such file; then it is there, with its content, at once. */
  async #place(path: string): Promise<boolean> {
    const own = await this.#writeOwn()
    try {
      await this.#disk.link(own, path)
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      if (!linksAreMissing(error)) throw error
      return await this.#create(path)
    } finally {
      await discard(this.#disk, own)
    }
  }

  /** Where there are no hard links: others may see the file while it is empty, and wait. */
  async #create(path: string): Promise<boolean> {
    try {
      await writeNew(this.#disk, path, [this.#bytes])
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    }
  }

  async #writeOwn(): Promise<string> {
    const path = `${this.#path}.${randomUUID()}.tmp`
    try {
      await withFile(await this.#disk.open(path, 'wx', ownerOnly), async (file) => {
        await writeAll(file, this.#bytes, 0)
        this.#fileTimeMs = (await file.stat()).mtimeMs
      })
    } catch (error) {
      await discard(this.#disk, path)
      throw error
    }
    return path
  }

  async #look(path: string): Promise<Holder | undefined> {
    const opened = await ifThere(this.#disk.open(path, 'r'))
    if (opened === undefined) return undefined
    return withFile(opened, async (file) => {
      const { mtimeMs, ino } = await file.stat()
      const bytes = Buffer.alloc(longestLock)
      const { bytesRead } = await file.read(bytes, 0, longestLock, 0)
      const owner = toOwner(bytes.toString('utf8', 0, bytesRead))
      return { owner, id: owner?.id ?? `${ino}-${Math.round(mtimeMs)}`, mtimeMs }
    })
  }

  async #isStale({ owner, mtimeMs }: Holder): Promise<boolean> {
    const fate = owner === undefined ? 'unknown' : await fateOf(owner)
    return fate === 'unknown' ? this.#fileTimeMs - mtimeMs > staleMs : fate === 'gone'
  }

  #inUse(holder: Holder): StoreInUseError {
    return new StoreInUseError(
      this.#ports.store,
      nameOf(holder),
      `close it there first, or read with readOnly: true. A process that ended without closing it lets go by itself, one on another machine or in another container after ${staleMs / 1_000} s`,
    )
  }

  /** Writing the same bytes dates the file by the clock of the file system, not by ours. */
  #refresh(): void {
    this.#check()
      .then(() => this.#file && writeAll(this.#file, this.#bytes, 0))
      .catch(() => {}) // the next commit asks again, and says it
  }

  async #check(): Promise<void> {
    const { clock, store } = this.#ports
    const seen = { now: clock.now(), wall: clock.wall() }
    const holder = await this.#look(this.#path)
    if (holder?.id === this.#owner.id) {
      this.#seen = seen
      return
    }
    this.#lost ??= new StoreInUseError(
      store,
      holder === undefined ? 'whoever removed its lock file' : nameOf(holder),
      `its lock ${this.#path} was taken away from here. Nothing more is written, so that nothing is overwritten; make a new store`,
    )
    this.#stopRefresh?.()
    throw this.#lost
  }
}

const nameOf = ({ owner }: Holder): string =>
  owner === undefined ? 'somebody who left no name' : ownerText(owner)

const linksAreMissing = (error: unknown): boolean =>
  ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'].includes(codeOf(error) ?? '')
