// Runs a program in a process group of its own, for as long as this process has somebody who listens:
// when its standard input ends, because a test asked for it or because the test run was killed, the
// whole group is ended and the folder it worked in is removed.
// node keeper.mjs <folder> <command> [argument ...]
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { constants } from 'node:os'

const graceMs = 3000
const [folder, command, ...args] = process.argv.slice(2)
const child = spawn(command, args, { cwd: folder, detached: true, stdio: ['ignore', 1, 2] })

const signalGroup = (signal) => {
  try {
    process.kill(-child.pid, signal)
  } catch {
    // Nobody of the group is left.
  }
}
const leave = (code) => {
  if (child.pid !== undefined) signalGroup('SIGKILL')
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  process.exit(code)
}

child.once('error', (error) => {
  console.error(error.message)
  leave(127)
})
child.once('exit', (code, signal) => leave(code ?? 128 + constants.signals[signal]))
process.stdin.resume().once('end', () => {
  signalGroup('SIGTERM')
  setTimeout(leave, graceMs, 0)
})
// Ctrl-C and the like are for the test run: its end is what ends this.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
