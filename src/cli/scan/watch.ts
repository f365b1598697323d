import { isoTime, whenAborted } from '../../core/clock.js'
import type { Progress, ScanReport } from '../../discovery/scan/report.js'
import { toJsonLine } from '../clean.js'
import type { Screen, Shell } from '../shell.js'
import { cut, paint } from '../table.js'
import { counted } from '../words.js'
import { type Change, differences, Seen } from './changes.js'
import { healthOf, placeOf, short, titleOf } from './found-words.js'
import { foundJson, problemsJson } from './json.js'
import { Live } from './live.js'
import { look } from './look.js'
import type { ScanOptions } from './options.js'
import { progressLines, seconds } from './progress.js'
import { tell } from './report.js'
import { wrap } from './wrap.js'

export interface WatchOptions extends ScanOptions {
  readonly everyMs: number
  readonly json: boolean
}

/** Scans again and again and tells what changes, until the signal aborts. */
export async function watch(
  shell: Shell,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const watching = new Watching(shell, options, signal)
  try {
    while (!signal.aborted) await watching.turn()
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    watching.end()
  }
}

class Watching {
  readonly #shell: Shell
  readonly #options: WatchOptions
  readonly #signal: AbortSignal
  readonly #live: Live
  readonly #seen = new Seen()
  #scans = 0

  constructor(shell: Shell, options: WatchOptions, signal: AbortSignal) {
    this.#shell = shell
    this.#options = options
    this.#signal = signal
    this.#live = new Live(shell)
  }

  /** One scan, what it changed, and the time until the next. */
  async turn(): Promise<void> {
    const shell = this.#shell
    const report = await look(
      shell,
      { ...this.#options.options, signal: this.#signal },
      this.#live,
      (...facts) => this.#progress(...facts),
    )
    const changes = this.#seen.take(report)
    if (this.#options.json) this.#tellJson(report, changes)
    else if (this.#scans === 0) this.#tellFirst(report)
    else this.#tell(changes)
    this.#scans += 1
    await this.#wait()
  }

  end(): void {
    this.#live.clear()
  }

  /** The first scan takes a while and has all to find; later ones are one line. */
  #progress(progress: Progress, elapsedMs: number, screen: Screen): readonly string[] {
    if (this.#scans === 0) return progressLines(progress, elapsedMs, screen, this.#shell.colours)
    const { done, total } = progress
    return [cut(`${this.#watched()}, looking: ${done} of ${total} ports`, screen.columns - 1)]
  }

  #watched(): string {
    return `Watching ${counted(this.#seen.found.length, 'back end')}`
  }

  async #wait(): Promise<void> {
    const { clock } = this.#shell
    const until = clock.now() + this.#options.everyMs
    const draw = (): void => {
      const screen = this.#shell.screen()
      if (screen === undefined) return
      const left = seconds(Math.max(0, until - clock.now()))
      const line = `${this.#watched()}, looking again in ${left}; Ctrl-C ends it`
      this.#live.show([cut(line, screen.columns - 1)])
    }
    draw()
    const stop = clock.every(500, draw)
    try {
      // Keeps the process alive, unlike the pauses of sources.
      await Promise.race([
        clock.sleep(this.#options.everyMs, this.#signal),
        whenAborted(this.#signal),
      ])
    } finally {
      stop()
    }
  }

  #tellFirst(report: ScanReport): void {
    this.#live.clear()
    tell(report, this.#options.written, undefined, this.#shell)
  }

  #tell(changes: readonly Change[]): void {
    const lines = changes.flatMap((change) => this.#line(change) ?? [])
    if (lines.length === 0) return
    this.#live.clear()
    this.#shell.out(lines.map((line) => `${line}\n`).join(''))
  }

  #line(change: Change): string | undefined {
    const { columns, colours } = this.#shell
    const { event, found } = change
    const what = `${titleOf(found)} at ${placeOf(found)}`
    const said =
      event === 'changed'
        ? differences(change.before, found)
        : event === 'gone'
          ? ['is not there any more']
          : [
              healthOf(found).text,
              ...(found.version === undefined ? [] : [`version ${short(found.version)}`]),
            ]
    if (said.length === 0) return undefined
    const at = isoTime(this.#shell.clock.wall()).slice(11, 19)
    const line = wrap(`${at} ${signs[event]} ${what}: ${said.join('; ')}`, columns, '    ')
    return paint(line, colourOf[event], colours)
  }

  #tellJson(report: ScanReport, changes: readonly Change[]): void {
    const at = isoTime(this.#shell.clock.wall())
    const lines = changes.map(({ event, found }) => ({ event, at, found: foundJson(found) }))
    const { complete, elapsedMs, ports } = report
    const scan = {
      event: 'scanned',
      at,
      found: this.#seen.found.length,
      problems: problemsJson(report, this.#options.written),
      ports,
      complete,
      elapsedMs: Math.round(elapsedMs),
    }
    this.#live.clear()
    this.#shell.out([...lines, scan].map(toJsonLine).join(''))
  }
}

const signs = { appeared: '+', changed: '~', gone: '-' } as const
const colourOf = { appeared: 'green', changed: 'yellow', gone: 'red' } as const
