import { crc32 } from 'node:zlib'
import type { StoreChange } from './store.js'

/**
 * One line of a log: eight hexadecimal digits of CRC-32, a space, and JSON that they are of. The
 * first line is a header, each other one a change.
 */
export interface Header {
  /** Of the snapshot that the log follows. */
  readonly schemaVersion: string
  /** The sequence number before that of the first change. */
  readonly after: number
}

export interface LogRecord {
  /** Dense: one more than in the line before. */
  readonly sequence: number
  readonly section: string
  readonly key: string
  /** Left out when the entry is gone. */
  readonly value?: unknown
  /** The changes of one `apply` go on in the next line. */
  readonly more?: boolean | undefined
  /** All up to this number was safe when this line was written; only in the first line of a write. */
  readonly safe?: number | undefined
}

const digits = 8

export function headerLine(header: Header): string {
  return toLine(JSON.stringify({ schemaVersion: header.schemaVersion, after: header.after }))
}

/** `value` is JSON already, because the store keeps it as that. */
export function recordLine(
  { sequence, section, key, more, safe }: Omit<LogRecord, 'value'>,
  value: string | undefined,
): string {
  const marks = `${more ? ',"more":true' : ''}${safe === undefined ? '' : `,"safe":${safe}`}`
  const entry = value === undefined ? '' : `,"value":${value}`
  return toLine(
    `{"sequence":${sequence},"section":"${section}","key":${JSON.stringify(key)}${marks}${entry}}`,
  )
}

function toLine(body: string): string {
  return `${checksum(body)} ${body}\n`
}

const checksum = (body: string): string => crc32(body).toString(16).padStart(digits, '0')

/** The JSON of a line without its end; `undefined` when the line is damaged. */
function readLine(line: string): unknown {
  const body = line.slice(digits + 1)
  if (line[digits] !== ' ' || checksum(body) !== line.slice(0, digits)) return undefined
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

export function readHeader(line: string): Header | undefined {
  const found = readLine(line)
  if (!isObject(found)) return undefined
  const { schemaVersion, after } = found
  if (typeof schemaVersion !== 'string' || !isSequence(after)) return undefined
  return { schemaVersion, after }
}

export function readRecord(line: string): LogRecord | undefined {
  const found = readLine(line)
  if (!isObject(found)) return undefined
  const { sequence, section, key, value, more, safe } = found
  if (!isSequence(sequence) || typeof section !== 'string' || typeof key !== 'string')
    return undefined
  return {
    sequence,
    section,
    key,
    value,
    more: more === true,
    safe: isSequence(safe) ? safe : undefined,
  }
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isSequence = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

/** A change whose value is JSON, ready to be written and kept. */
export interface EncodedChange {
  readonly section: StoreChange['section']
  readonly key: string
  readonly value: string | undefined
}
