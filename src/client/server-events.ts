import { nameOf } from '../core/foreign.js'

/** One server-sent event. */
export interface ServerEvent {
  readonly id: string | undefined
  /** `message` where it names none. */
  readonly type: string
  readonly data: string
}

/** Of one event, in characters. */
const most = 1_024 * 1_024

/**
 * The events in the lines of a stream. Comments and fields that nobody knows are passed over. Throws a `RangeError`
 * for an event that is too long. Source: WHATWG HTML, "Server-sent events".
 */
export async function* serverEvents(
  lines: AsyncIterable<string>,
): AsyncGenerator<ServerEvent, void, undefined> {
  let id: string | undefined
  let type = ''
  let data: string[] = []
  let length = 0
  for await (const line of lines) {
    if (line === '') {
      if (data.length > 0) yield { id, type: type || 'message', data: data.join('\n') }
      type = ''
      data = []
      length = 0
      continue
    }
    const { name, value } = fieldOf(line)
    if (name === 'id') id = nameOf(value, 256)
    if (name === 'event') type = value.slice(0, 256)
    if (name !== 'data') continue
    length += value.length + 1
    if (length > most) throw new RangeError(`An event has more than ${most} characters`)
    data.push(value)
  }
}

/** `name: value`; a comment has an empty name. */
function fieldOf(line: string): { readonly name: string; readonly value: string } {
  const at = line.indexOf(':')
  if (at < 0) return { name: line, value: '' }
  return { name: line.slice(0, at), value: line.slice(at + 1).replace(/^ /, '') }
}
