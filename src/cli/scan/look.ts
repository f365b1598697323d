import type { DiscoverOptions } from '../../discovery/scan/options.js'
import type { Progress, ScanReport } from '../../discovery/scan/report.js'
import type { Screen, Shell } from '../shell.js'
import type { Live } from './live.js'

const redrawMs = 100

/** One scan, drawn while it runs: at once when something is found, else ten times a second. */
export async function look(
  shell: Shell,
  options: DiscoverOptions,
  live: Live,
  linesOf: (progress: Progress, elapsedMs: number, screen: Screen) => readonly string[],
): Promise<ScanReport> {
  const { clock } = shell
  if (shell.screen() === undefined) return shell.discover(options)
  const began = clock.now()
  let latest: Progress | undefined
  let drawn: Progress | undefined
  const draw = (): void => {
    const screen = shell.screen()
    if (latest === undefined || screen === undefined) return
    live.show(linesOf(latest, clock.now() - began, screen))
    drawn = latest
  }
  const stop = clock.every(redrawMs, draw)
  try {
    return await shell.discover({
      ...options,
      onProgress(progress) {
        latest = progress
        if (drawn === undefined || drawn.found.length !== progress.found.length) draw()
      },
    })
  } finally {
    stop()
  }
}
