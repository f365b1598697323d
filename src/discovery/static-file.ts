import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { type Clock, pause, systemClock } from '../core/clock.js'
import type { Sighting } from '../model/sighting.js'
import type { Source, View } from './source.js'

export interface StaticFileOptions {
  /** Default `file:<name of the file>`. */
  readonly name?: string | undefined
  /** How often the file is looked at, in milliseconds. Default 1,000. */
  readonly everyMs?: number | undefined
  /** No larger file is read. Default 16 MiB. */
  readonly maxBytes?: number | undefined
  readonly clock?: Clock | undefined
}

/**
 * Providers from a JSON file: a list of them, or `{ "providers": [...] }`. It is read again when it
 * changes. An empty list is believed at once; a file that is missing or damaged is a failure, and what
 * it held stays.
 */
export function staticFile(path: string, options: StaticFileOptions = {}): Source {
  const { everyMs = 1_000, maxBytes = 16 * 2 ** 20, clock = systemClock } = options
  return {
    name: options.name ?? `file:${basename(path)}`,
    async *watch(signal) {
      let before: string | undefined
      while (!signal.aborted) {
        const { mtimeMs, size, ino } = await stat(path)
        const now = `${ino} ${mtimeMs} ${size}`
        if (now !== before) {
          if (size > maxBytes)
            throw new Error(`${path} has ${size} bytes, more than the ${maxBytes} that are read`)
          yield toView(path, await readFile(path, 'utf8'))
          before = now
        }
        await pause(clock, everyMs, signal)
      }
    },
  }
}

function toView(path: string, text: string): View {
  const content: unknown = parse(path, text)
  const list = Array.isArray(content) ? content : (content as { providers?: unknown })?.providers
  if (!Array.isArray(list))
    throw new Error(`${path} holds no providers: expected a list, or { "providers": [...] }`)
  // What is in it is checked entry by entry by whoever gets it.
  return { sightings: list as readonly Sighting[], authoritative: true }
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`${path} is no JSON: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
}
