/*
 * The two messages of grpc.health.v1, encoded by protocol buffers
 * (https://protobuf.dev/programming-guides/encoding): one text, and one number of a list.
 */

/** `message HealthCheckRequest { string service = 1; }` */
export function encodeHealthRequest(service: string): Uint8Array {
  if (service === '') return new Uint8Array()
  const text = new TextEncoder().encode(service)
  return new Uint8Array([fieldOne | sized, ...varint(text.length), ...text])
}

const servingStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const
export type ServingStatus = (typeof servingStatuses)[number]

/**
 * `message HealthCheckResponse { ServingStatus status = 1; }`: the last one counts, other fields are passed over, and
 * a number that nobody has defined is `UNKNOWN`. Throws when it is no such message.
 */
export function readServingStatus(message: Uint8Array): ServingStatus {
  let status = 0
  for (let at = 0; at < message.length; ) {
    const key = readVarint(message, at)
    const kind = key.value & 7
    if (key.value === (fieldOne | number)) status = readVarint(message, key.end).value
    at = endOfField(message, kind, key.end)
  }
  return servingStatuses[status] ?? 'UNKNOWN'
}

const fieldOne = 1 << 3
/** Kinds of fields, in the last three bits of their key. */
const number = 0
const eightBytes = 1
const sized = 2
const fourBytes = 5

function endOfField(message: Uint8Array, kind: number, at: number): number {
  const end = at + sizeOf(message, kind, at)
  if (end > message.length) throw unreadable()
  return end
}

function sizeOf(message: Uint8Array, kind: number, at: number): number {
  if (kind === eightBytes) return 8
  if (kind === fourBytes) return 4
  const { value, end } = readVarint(message, at)
  if (kind === number) return end - at
  if (kind === sized) return end - at + value
  throw unreadable()
}

/** Seven bits in each byte, the lowest first; the eighth says that there are more. Larger ones are no status. */
function readVarint(message: Uint8Array, from: number): { value: number; end: number } {
  let value = 0
  for (let at = from, factor = 1; at < from + longestVarint; at += 1, factor *= 128) {
    const byte = message[at]
    if (byte === undefined) break
    value += (byte & 127) * factor
    if (byte < 128) return { value, end: at + 1 }
  }
  throw unreadable()
}

const longestVarint = 10

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

const unreadable = (): Error =>
  new Error(
    'answered Health/Check with a message that cannot be read; it may not be grpc.health.v1',
  )
