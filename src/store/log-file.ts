import { Pace } from './pace.js'
import { type Header, type LogRecord, readHeader, readRecord } from './record.js'

/** What a log says, without a last group that was never written to its end. */
export interface LogContents {
  readonly header: Header
  /** Of complete groups, in order. */
  readonly records: readonly LogRecord[]
  /** Up to the end of the last complete group. */
  readonly goodBytes: number
  readonly totalBytes: number
}

/** A file does not say what a store has written. Never leaves the store: see `restore.ts`. */
export class Damage extends Error {}

/** The lines of a file, each with where it ends. The last one may lack its end. */
interface Line {
  readonly text: string
  readonly end: number
  readonly complete: boolean
}

/** In slices: others may run between two of them. */
export async function* linesOf(bytes: Buffer): AsyncGenerator<Line> {
  const pace = new Pace()
  let start = 0
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start)
    const complete = newline >= 0
    const end = complete ? newline + 1 : bytes.length
    yield { text: bytes.toString('utf8', start, complete ? newline : end), end, complete }
    const pause = pace.entry(end - start)
    start = end
    if (pause !== undefined) await pause
  }
}

/**
 * A crash leaves the last write unfinished, in whatever parts of it reached the disk. So a damaged
 * line is the torn end of the log unless a later line says that it had been safe before.
 */
export async function readLog(bytes: Buffer): Promise<LogContents> {
  const records: LogRecord[] = []
  let header: Header | undefined
  let group: LogRecord[] = []
  let expected = 0
  let goodBytes = 0
  let torn = false
  for await (const { text, end, complete } of linesOf(bytes)) {
    if (header === undefined) {
      header = complete ? readHeader(text) : undefined
      if (header === undefined) throw new Damage('its first line is no header of a log')
      expected = header.after + 1
      goodBytes = end
      continue
    }
    const record = complete ? readRecord(text) : undefined
    if (torn || record === undefined) {
      if (record?.safe !== undefined && record.safe >= expected)
        throw new Damage(`change ${expected} is damaged, and later ones are not`)
      torn = true
      continue
    }
    if (record.sequence !== expected)
      throw new Damage(`change ${expected} is missing: ${record.sequence} is in its place`)
    group.push(record)
    expected += 1
    if (record.more) continue
    for (const one of group) records.push(one)
    group = []
    goodBytes = end
  }
  if (header === undefined) throw new Damage('it is empty')
  return { header, records, goodBytes, totalBytes: bytes.length }
}
