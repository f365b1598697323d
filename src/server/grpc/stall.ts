import type { Clock } from '../../core/clock.js'
import { field, isObject } from '../../core/foreign.js'

const lookMs = 15_000
/** A client that takes nothing for so many of them is gone, or might as well be. */
const mostStill = 4
/** Of HTTP/2; clients of gRPC make RESOURCE_EXHAUSTED of it. */
const enhanceYourCalm = 11

interface Writing {
  /** Messages that wait to be sent. */
  readonly writableLength: number
}

/** Resets the stream of a call once its client has taken none of what waits for it for a minute. */
export function resetWhenStalled(call: Writing, clock: Clock): () => void {
  let [before, still] = [0, 0]
  return clock.every(lookMs, () => {
    const waiting = call.writableLength
    still = waiting > 0 && waiting === before ? still + 1 : 0
    before = waiting
    if (still >= mostStill) reset(call)
  })
}

/**
 * A status would wait behind what the client does not take, and grpc-js has no word for ending a stream at once. So the
 * stream of HTTP/2 is looked for where grpc-js keeps it; a test says so when it is not there any more.
 */
function reset(call: unknown): void {
  let inner = field(call, 'call')
  while (field(inner, 'stream') === undefined && field(inner, 'nextCall') !== undefined)
    inner = field(inner, 'nextCall')
  const stream = field(inner, 'stream')
  if (isObject(stream) && typeof stream.close === 'function') stream.close(enhanceYourCalm)
}
