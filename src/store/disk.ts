import * as promises from 'node:fs/promises'
import { dirname } from 'node:path'

/** An open file, as far as a store needs one. */
export interface OpenFile {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<Read>
  /** May write less than asked for. */
  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<Written>
  truncate(length: number): Promise<void>
  sync(): Promise<void>
  datasync(): Promise<void>
  stat(): Promise<FileFacts>
  close(): Promise<void>
}

interface Read {
  readonly bytesRead: number
}

interface Written {
  readonly bytesWritten: number
}

export interface FileFacts {
  readonly size: number
  /** As the file system dates it, in milliseconds. */
  readonly mtimeMs: number
  readonly ino: number
}

/** The file operations a store uses: those of `node:fs/promises`, or ones that fail on cue. */
export interface Disk {
  open(path: string, flags: string, mode?: number): Promise<OpenFile>
  rename(from: string, to: string): Promise<void>
  link(existing: string, path: string): Promise<void>
  unlink(path: string): Promise<void>
  /** One directory, whose parent is there. */
  mkdir(path: string, options: { mode: number }): Promise<unknown>
  readdir(path: string): Promise<string[]>
  realpath(path: string): Promise<string>
  readlink(path: string): Promise<string>
  lstat(path: string): Promise<FileFacts>
}

export const nodeDisk: Disk = promises

/** Only the owner may read what may hold addresses and metadata. */
export const ownerOnly = 0o600

/** Bytes read or written at a time. */
export const sliceBytes: number = 2 ** 18

export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** What the promise gives, or `undefined` when there is no such file. */
export async function ifThere<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Runs `use` on an open file, and closes it whatever comes of that. */
export async function withFile<T>(file: OpenFile, use: (file: OpenFile) => Promise<T>): Promise<T> {
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/** Writes all of it, however little the system takes at a time. */
export async function writeAll(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const left = bytes.length - done
    const { bytesWritten } = await file.write(bytes, done, left, position + done)
    if (bytesWritten === 0) throw new Error('the system wrote nothing and did not say why')
    done += bytesWritten
  }
}

/** The bytes from `from` to `to`, in slices. */
export async function* readSlices(
  file: OpenFile,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; ) {
    const slice = Buffer.allocUnsafe(Math.min(sliceBytes, to - at))
    const { bytesRead } = await file.read(slice, 0, slice.length, at)
    if (bytesRead === 0) throw new Error(`the file ended at ${at} instead of ${to} bytes`)
    yield slice.subarray(0, bytesRead)
    at += bytesRead
  }
}

/** A new file that is on the disk, with its content, before anybody can see it under another name. */
export async function writeNew(
  disk: Disk,
  path: string,
  slices: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  return await withFile(await disk.open(path, 'wx', ownerOnly), async (file) => {
    let size = 0
    for await (const slice of slices) {
      await writeAll(file, slice, size)
      size += slice.length
    }
    await file.sync()
    return size
  })
}

/** Makes the names in the directory of `path` survive a crash. */
export async function syncDirectory(disk: Disk, path: string): Promise<void> {
  if (process.platform === 'win32') return // directories cannot be opened there
  await withFile(await disk.open(dirname(path), 'r'), (directory) => directory.sync())
}

/** Removes a file that nobody needs; one that stays does no harm. */
export async function discard(disk: Disk, path: string): Promise<void> {
  await disk.unlink(path).catch(() => {})
}

const advice: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  EROFS: 'the file system is read-only; mount it for writing or use another path',
  EFBIG: 'the file is larger than the system allows; raise the limit',
  EIO: 'the disk failed; look at it before anything else',
  EACCES: 'it may not be used; check the owner and mode of the file and its directory',
  EPERM: 'it may not be used; check the owner and mode of the file and its directory',
  EISDIR: 'a directory is in its place; use another path',
  ENOTDIR: 'a file is in the place of one of its directories; use another path',
  EMFILE: 'too many files are open; close some or raise the limit',
  ENFILE: 'too many files are open; close some or raise the limit',
}

/** What to do about a failed file operation, to follow what was tried. */
export function adviceFor(error: unknown): string {
  const known = advice[codeOf(error) ?? '']
  return known === undefined ? '' : `, because ${known}`
}
