import { isoTime } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import { cleanLines } from './clean.js'
import type { Shell } from './shell.js'

export interface ServerLog extends Logger {
  /**
   * What went wrong while the server starts is held back until here: the error that the command ends with, if there is
   * one, says the same, and is not said twice.
   */
  started(failure?: unknown): void
}

interface Held {
  readonly line: string
  readonly error: unknown
}

type Fields = Readonly<Record<string, unknown>>

/** One line on standard error per change, and per what went wrong. */
export function serverLog(shell: Pick<Shell, 'clock' | 'err'>, verbose: boolean): ServerLog {
  let held: Held[] | undefined = []
  const lineOf = (level: string, message: string, fields: Fields): string => {
    const facts = Object.entries(fields).map(([key, value]) => `${key}=${wordOf(value)}`)
    const words = [isoTime(shell.clock.wall()), level, message, ...facts]
    return `${cleanLines(words.join(' ')).replaceAll('\n', ' ')}\n`
  }
  const tell =
    (level: string) =>
    (message: string, fields: Fields = {}): void =>
      shell.err(lineOf(level, message, fields))
  const silent = (): void => {}
  return {
    debug: verbose ? tell('debug') : silent,
    info: tell('info'),
    warn: tell('warn'),
    error(message, fields = {}) {
      const line = lineOf('error', message, fields)
      if (held === undefined) shell.err(line)
      else held.push({ line, error: fields.error })
    },
    started(failure) {
      const waiting = held ?? []
      held = undefined
      for (const { line, error } of waiting)
        if (error === undefined || error !== failure) shell.err(line)
    },
  }
}

function wordOf(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message)
  if (typeof value === 'number') return String(Number(value.toFixed(3)))
  return JSON.stringify(value) ?? 'undefined'
}
