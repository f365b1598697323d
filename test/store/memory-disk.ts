import { dirname, resolve } from 'node:path'
import type { Random } from '../../src/core/random.js'
import type { Disk, FileFacts, OpenFile } from '../../src/store/disk.js'

/** Disks write in units; a crash may leave out any of them. */
const pageBytes = 64

type Edit = { readonly at: number; readonly bytes: Buffer } | { readonly length: number }

interface Inode {
  readonly ino: number
  mtimeMs: number
  /** What programs see. */
  data: Buffer
  /** What would be left after a crash, but for luck. */
  safe: Buffer
  /** Written, and not yet safe. */
  pending: Edit[]
}

type Naming =
  | { readonly path: string; readonly inode: Inode }
  | { readonly path: string; readonly inode?: undefined }

/** An error as the system gives it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made to fail`), { code })
}

/**
 * A disk that forgets, at a crash, whatever was not made safe: bytes without `sync` of their file,
 * names without `sync` of their directory. `before` is asked before each operation and may throw.
 */
export class MemoryDisk implements Disk {
  /** Operations so far. */
  count = 0
  before: (operation: string, count: number, path: string) => void = () => {}
  timeMs = 0
  readonly #names = new Map<string, Inode>()
  readonly #safeNames = new Map<string, Inode>()
  readonly #folders = new Set<string>(['/'])
  #pending: Naming[] = []
  #inodes = 0

  get files(): readonly string[] {
    return [...this.#names.keys()].sort()
  }

  text(path: string): string | undefined {
    return this.#names.get(path)?.data.toString('utf8')
  }

  put(path: string, bytes: Buffer | string): void {
    const data = Buffer.from(bytes)
    const inode = this.#newInode()
    inode.data = data
    inode.safe = data
    this.#names.set(path, inode)
    this.#safeNames.set(path, inode)
  }

  remove(path: string): void {
    this.#names.delete(path)
    this.#safeNames.delete(path)
  }

  /** The power fails: of what was not safe, chance keeps some. */
  crash(chance: Random): void {
    for (const { path, inode } of this.#pending) {
      if (chance() < 0.5) continue
      if (inode === undefined) this.#safeNames.delete(path)
      else this.#safeNames.set(path, inode)
    }
    this.#pending = []
    this.#names.clear()
    for (const [path, inode] of this.#safeNames) {
      this.#names.set(path, inode)
      inode.data = luck(inode, chance)
      inode.safe = inode.data
      inode.pending = []
    }
  }

  async open(path: string, flags: string): Promise<OpenFile> {
    this.#begin('open', path)
    if (this.#folders.has(path)) return this.#folder(path)
    const found = this.#names.get(path)
    if (flags !== 'wx') {
      if (found === undefined) throw systemError('ENOENT')
      return this.#file(path, found)
    }
    if (found !== undefined) throw systemError('EEXIST')
    const made = this.#newInode()
    this.#name(path, made)
    return this.#file(path, made)
  }

  async rename(from: string, to: string): Promise<void> {
    this.#begin('rename', to)
    const inode = this.#names.get(from)
    if (inode === undefined) throw systemError('ENOENT')
    this.#name(to, inode)
    this.#name(from, undefined)
  }

  async link(existing: string, path: string): Promise<void> {
    this.#begin('link', path)
    const inode = this.#names.get(existing)
    if (inode === undefined) throw systemError('ENOENT')
    if (this.#names.has(path)) throw systemError('EEXIST')
    this.#name(path, inode)
  }

  async unlink(path: string): Promise<void> {
    this.#begin('unlink', path)
    if (!this.#names.has(path)) throw systemError('ENOENT')
    this.#name(path, undefined)
  }

  async mkdir(path: string): Promise<void> {
    this.#begin('mkdir', path)
    for (let folder = resolve(path); folder !== '/'; folder = dirname(folder))
      this.#folders.add(folder)
  }

  async readdir(path: string): Promise<string[]> {
    this.#begin('readdir', path)
    return this.files
      .filter((file) => dirname(file) === path)
      .map((file) => file.slice(path.length + 1))
  }

  async realpath(path: string): Promise<string> {
    this.#begin('realpath', path)
    if (!this.#names.has(path) && !this.#folders.has(path)) throw systemError('ENOENT')
    return path
  }

  async readlink(path: string): Promise<string> {
    this.#begin('readlink', path)
    throw systemError(this.#names.has(path) ? 'EINVAL' : 'ENOENT')
  }

  async lstat(path: string): Promise<FileFacts> {
    this.#begin('lstat', path)
    const found = this.#names.get(path)
    if (found === undefined) throw systemError('ENOENT')
    return factsOf(found)
  }

  #begin(operation: string, path: string): void {
    this.count += 1
    this.before(operation, this.count, path)
  }

  #name(path: string, inode: Inode | undefined): void {
    if (inode === undefined) this.#names.delete(path)
    else this.#names.set(path, inode)
    this.#pending.push(inode === undefined ? { path } : { path, inode })
  }

  #newInode(): Inode {
    this.#inodes += 1
    const nothing = Buffer.alloc(0)
    return { ino: this.#inodes, mtimeMs: this.timeMs, data: nothing, safe: nothing, pending: [] }
  }

  #folder(path: string): OpenFile {
    const refuse = async (): Promise<never> => {
      throw systemError('EISDIR')
    }
    const sync = async (): Promise<void> => {
      this.#begin('sync', path)
      for (const { path: name, inode } of this.#pending)
        if (inode === undefined) this.#safeNames.delete(name)
        else this.#safeNames.set(name, inode)
      this.#pending = []
    }
    return {
      read: refuse,
      write: refuse,
      truncate: refuse,
      stat: async () => ({ size: 0, mtimeMs: 0, ino: 0 }),
      sync,
      datasync: sync,
      close: async () => {},
    }
  }

  #file(path: string, inode: Inode): OpenFile {
    const edit = (change: Edit): void => {
      inode.data = edited(inode.data, change)
      inode.pending.push(change)
      inode.mtimeMs = this.timeMs
    }
    /** After a sync that failed the system takes the bytes for written: nothing brings them down later. */
    const sync = async (): Promise<void> => {
      const { pending } = inode
      inode.pending = []
      this.#begin('sync', path)
      inode.safe = pending.reduce(edited, inode.safe)
    }
    return {
      read: async (buffer, offset, length, position) => {
        this.#begin('read', path)
        return { bytesRead: inode.data.copy(buffer, offset, position, position + length) }
      },
      write: async (buffer, offset, length, position) => {
        const bytes = Buffer.from(buffer.subarray(offset, offset + length))
        try {
          this.#begin('write', path)
        } catch (error) {
          edit({ at: position, bytes: bytes.subarray(0, Math.ceil(length / 2)) })
          throw error
        }
        edit({ at: position, bytes })
        return { bytesWritten: length }
      },
      truncate: async (length) => {
        this.#begin('truncate', path)
        edit({ length })
      },
      stat: async () => factsOf(inode),
      sync,
      datasync: sync,
      close: async () => {},
    }
  }
}

const factsOf = ({ data, mtimeMs, ino }: Inode): FileFacts => ({ size: data.length, mtimeMs, ino })

function edited(data: Buffer, edit: Edit): Buffer {
  const length = 'length' in edit ? edit.length : Math.max(data.length, edit.at + edit.bytes.length)
  const result = Buffer.alloc(length)
  data.copy(result)
  if ('bytes' in edit) edit.bytes.copy(result, edit.at)
  return result
}

/** What is left of a file: none, all, or any pages of what was written since it was safe. */
function luck({ safe, pending }: Inode, chance: Random): Buffer {
  const kind = chance()
  if (kind < 0.25) return safe
  if (kind < 0.5) return pending.reduce(edited, safe)
  return pending
    .flatMap((edit): readonly Edit[] => ('length' in edit ? [edit] : pagesOf(edit)))
    .filter(() => chance() < 0.5)
    .reduce(edited, safe)
}

function pagesOf({ at, bytes }: { readonly at: number; readonly bytes: Buffer }): readonly Edit[] {
  return Array.from({ length: Math.ceil(bytes.length / pageBytes) }, (_, page) => ({
    at: at + page * pageBytes,
    bytes: bytes.subarray(page * pageBytes, (page + 1) * pageBytes),
  }))
}
