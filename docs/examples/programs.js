// @ts-check
/** Programs that an example starts, each in a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The command `switchgear`, of the package that this example imports. */
const command = new URL('dist/cli/main.js', import.meta.resolve('switchgear/package.json'))
const longestStartMs = 60_000
/** How long a program may take to end when it is asked to. */
const graceMs = 5_000

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

export class Programs {
  /** @type {Map<string, ChildProcess>} */
  #running = new Map()

  constructor() {
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
      process.once(signal, () => process.exit(130))
    process.once('exit', () => {
      for (const child of this.#running.values()) child.kill()
    })
  }

  /**
   * Starts one, shows what it says under its name, and waits for the line that says it is ready.
   *
   * @param {string} name
   * @param {URL} file
   * @param {{ args?: readonly string[], env?: Record<string, string>, ready: RegExp }} how
   * @returns {Promise<string>} what the first group of `ready` stands for
   */
  async start(name, file, { args = [], env = {}, ready }) {
    const child = spawn(process.execPath, [fileURLToPath(file), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#running.set(name, child)
    /** @type {Promise<string>} */
    const isReady = new Promise((resolve, reject) => {
      onLine(child.stdout, (line) => {
        console.log(`${name.padEnd(12)} ${line}`)
        const found = ready.exec(line)
        if (found) resolve(found[1] ?? '')
      })
      onLine(child.stderr, (line) => console.error(`${name.padEnd(12)} ${line}`))
      child.once('error', reject)
      // Not `exit`: what it said last may come later than that.
      child.once('close', (code, signal) =>
        reject(new Error(`${name} ended with ${signal ?? `code ${code}`}`)),
      )
    })
    const late = new AbortController()
    const isLate = sleep(longestStartMs, undefined, { signal: late.signal }).then(() => {
      throw new Error(`${name} was not ready within ${longestStartMs / 1_000} s`)
    })
    try {
      return await Promise.race([isReady, isLate])
    } finally {
      isReady.catch(() => {}) // from here on it may end
      isLate.catch(() => {})
      late.abort()
    }
  }

  /** A registry that remembers nothing; resolves with its URL. */
  startRegistry() {
    return this.start('registry', command, {
      args: ['serve', '--port', '0', '--no-grpc', '--store', 'memory'],
      ready: /^REST and events +(http:\S+)/,
    })
  }

  /**
   * Without a farewell, as a crash would.
   *
   * @param {string} name
   */
  async kill(name) {
    await this.#stop(name, 'SIGKILL')
  }

  /** Asks all of them to end, the last one that was started first, and waits until they have. */
  async end() {
    for (const name of [...this.#running.keys()].reverse()) await this.#stop(name, 'SIGTERM')
  }

  /**
   * @param {string} name
   * @param {'SIGKILL' | 'SIGTERM'} signal
   */
  async #stop(name, signal) {
    const child = this.#running.get(name)
    this.#running.delete(name)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await gone
    clearTimeout(late)
  }
}

/**
 * @param {import('node:stream').Readable} stream
 * @param {(line: string) => void} listener
 */
function onLine(stream, listener) {
  createInterface({ input: stream }).on('line', listener)
}
