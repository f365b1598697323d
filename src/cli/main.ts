#!/usr/bin/env node
import { homedir } from 'node:os'
import { later, systemClock } from '../core/clock.js'
import { Failure } from './failure.js'
import { openRegistry, scratchRegistry } from './open.js'
import { run } from './run.js'
import type { Shell } from './shell.js'

const { env, stdout, stderr, stdin } = process

const isPlain = Boolean(env.NO_COLOR) || env.TERM === 'dumb'

const shell: Shell = {
  env,
  platform: process.platform,
  home: home(),
  folder: process.cwd(),
  columns: stdout.isTTY ? stdout.columns || 80 : undefined,
  colours: stdout.isTTY && !isPlain,
  clock: systemClock,
  screen: () =>
    stderr.isTTY && !isPlain
      ? { columns: stderr.columns || 80, rows: stderr.rows || 24 }
      : undefined,
  out: (text) => void stdout.write(text),
  err: (text) => void stderr.write(text),
  async input() {
    stdin.setEncoding('utf8')
    let text = ''
    for await (const part of stdin) text += part
    return text
  },
  open: (path, { readOnly }) => openRegistry(path, readOnly),
  scratch: scratchRegistry,
  discover: async (options) => (await import('../discovery/scan/discover.js')).discover(options),
  examine: async (address, options) =>
    (await import('../discovery/scan/examine.js')).examine(address, options),
  interruptible,
}

/** A user that the system does not know has none, as in a container or under systemd; most commands need none. */
function home(): string {
  try {
    return homedir()
  } catch {
    return '/'
  }
}

async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const interrupt = (): void => stop.abort(new Failure('interrupted', { exit: 130 }))
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.once(signal, interrupt)
  try {
    return await work(stop.signal)
  } finally {
    for (const signal of signals) process.off(signal, interrupt)
    // Who was told to stop does not wait for what hangs.
    if (stop.signal.aborted) later(systemClock, 1_000, () => process.exit())
  }
}

/** Whoever read the output has seen enough: `switchgear list | head`; or it cannot be written, as to a full disk. */
for (const stream of [stdout, stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    if (stream === stdout) stderr.write(`switchgear: cannot write the output: ${error.message}\n`)
    process.exit(1)
  })

process.exitCode = await run(process.argv.slice(2), shell)
