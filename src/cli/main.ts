#!/usr/bin/env node
import { homedir } from 'node:os'
import { openRegistry, scratchRegistry } from './open.js'
import { run } from './run.js'
import type { Shell } from './shell.js'

const { env, stdout, stderr, stdin } = process

const shell: Shell = {
  env,
  platform: process.platform,
  home: homedir(),
  folder: process.cwd(),
  columns: stdout.isTTY ? stdout.columns || 80 : undefined,
  colours: stdout.isTTY && !env.NO_COLOR && env.TERM !== 'dumb',
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
}

/** Whoever read the output has seen enough: `switchgear list | head`. */
for (const stream of [stdout, stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })

process.exitCode = await run(process.argv.slice(2), shell)
