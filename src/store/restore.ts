import { isoTime } from '../core/clock.js'
import { CorruptSnapshotError } from '../core/errors.js'
import { migrate, versionOf } from '../model/migrate.js'
import type { Migration } from '../model/migrations/migration.js'
import { schemaVersion } from '../model/snapshot.js'
import { fold } from './contents.js'
import { type Disk, ifThere, readSlices, withFile } from './disk.js'
import { Damage, type LogContents, readLog } from './log-file.js'
import { type Document, readSnapshot, sequenceOf } from './snapshot-file.js'

/** What the two files of a store hold together. */
export interface Kept {
  /** Of the schema of today; `undefined` when nothing was ever kept. */
  readonly document: Document | undefined
  readonly sequence: number
  readonly snapshotBytes: number
  /** Up to where the log is good, if changes may be appended to it as it is. */
  readonly logBytes: number | undefined
  /** Of a last write that never came to its end. */
  readonly tornBytes: number
}

/** Files that cannot be relied on. */
export class Unreadable extends Error {
  /** Not to be used, nor written over; empty when the fault is not theirs. */
  readonly damaged: readonly string[]

  constructor(message: string, damaged: readonly string[], cause?: unknown) {
    super(message, { cause })
    this.damaged = damaged
  }
}

export interface RestorePorts {
  readonly disk: Disk
  readonly maxBytes: number
  readonly migrations: readonly Migration[]
}

interface Content {
  readonly bytes: Buffer
  readonly mtimeMs: number
}

/**
 * Throws `Unreadable`, and `UnsupportedSnapshotError`. The log is read first: a snapshot younger
 * than the log holds all of its changes, while a log younger than the snapshot might lack some.
 */
export async function restore(path: string, ports: RestorePorts): Promise<Kept> {
  const logPath = `${path}.log`
  const logFile = await readWhole(logPath, ports)
  const file = await readWhole(path, ports)
  const both = logFile === undefined ? [path] : [path, logPath]
  const found = file && (await reading(path, both, () => readSnapshot(file.bytes)))
  // A file of somebody else's is left where it is: it is not damaged, only not ours.
  const version = found && (await reading(path, [], () => versionOf(found, path)))
  // What another version has written is not damaged, whatever this one makes of it.
  const damaged = version === schemaVersion ? both : []
  if (found !== undefined)
    await reading(path, damaged, () => migrate(found, ports.migrations, path))
  const log = logFile && (await reading(logPath, [logPath], () => readLog(logFile.bytes)))
  const document = found ?? (log && emptyDocument(log))
  if (document === undefined) return nothing
  if (log) await reading(logPath, [logPath], () => checkFit(document, log))
  const folded = await reading(path, damaged, () => foldAny(document, log, path, ports))
  return {
    document: log && logFile && isNews(document, log) ? dated(folded, logFile.mtimeMs) : folded,
    ...whereItEnds(document, log),
    snapshotBytes: file?.bytes.length ?? 0,
  }
}

const nothing: Kept = {
  document: undefined,
  sequence: 0,
  snapshotBytes: 0,
  logBytes: undefined,
  tornBytes: 0,
}

const dated = (document: Document, at: number): Document => ({ ...document, savedAt: isoTime(at) })

function whereItEnds(
  document: Document,
  log: LogContents | undefined,
): Pick<Kept, 'sequence' | 'logBytes' | 'tornBytes'> {
  const from = sequenceOf(document)
  if (log === undefined) return { sequence: from, logBytes: undefined, tornBytes: 0 }
  const { goodBytes, totalBytes, header } = log
  const last = lastOf(log)
  const goesOn = header.schemaVersion === schemaVersion && last >= from
  return {
    sequence: Math.max(from, last),
    logBytes: goesOn ? goodBytes : undefined,
    tornBytes: totalBytes - goodBytes,
  }
}

const lastOf = ({ header, records }: LogContents): number => header.after + records.length

const isNews = (document: Document, log: LogContents): boolean => lastOf(log) > sequenceOf(document)

/** A log without a snapshot is the first one, and starts from nothing. */
const emptyDocument = ({ header }: LogContents): Document => ({
  schemaVersion: header.schemaVersion,
  savedAt: isoTime(0),
})

/** The changes of the log have to go on where the document ends. */
function checkFit(document: Document, log: LogContents): void {
  const { after, schemaVersion: schema } = log.header
  const from = sequenceOf(document)
  if (after > from)
    throw new Damage(`it goes on after change ${after}, and the snapshot ends at ${from}`)
  if (isNews(document, log) && schema !== versionOf(document))
    throw new Damage(`it is of schema ${schema}, and the snapshot of ${versionOf(document)}`)
}

/** Changes are in the words of the schema that was theirs, so they are folded in before it changes. */
async function foldAny(
  document: Document,
  log: LogContents | undefined,
  path: string,
  { migrations }: RestorePorts,
): Promise<Document> {
  const news = log && isNews(document, log) ? log : undefined
  if (versionOf(document) === schemaVersion) return fold(document, news)
  const whole = news === undefined ? document : await fold(document, news)
  return fold(migrate(whole, migrations, path), undefined)
}

async function reading<T>(
  path: string,
  damaged: readonly string[],
  read: () => T | Promise<T>,
): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof Damage) && !(error instanceof CorruptSnapshotError)) throw error
    throw new Unreadable(`${path} cannot be read, because ${error.message}`, damaged, error)
  }
}

async function readWhole(
  path: string,
  { disk, maxBytes }: RestorePorts,
): Promise<Content | undefined> {
  const opened = await ifThere(disk.open(path, 'r'))
  if (opened === undefined) return undefined
  return withFile(opened, async (file) => {
    const { size, mtimeMs } = await file.stat()
    if (size > maxBytes)
      throw new Unreadable(
        `${path} has ${size} bytes, more than the ${maxBytes} that are read; raise maxBytes if it is right`,
        [],
      )
    const slices: Uint8Array[] = []
    for await (const slice of readSlices(file, 0, size)) slices.push(slice)
    return { bytes: Buffer.concat(slices), mtimeMs }
  })
}
