// @ts-check
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('openai-server.js', import.meta.url))
const longestStartMs = 20_000

/** @typedef {'up' | 'killed' | 'answers 500' | 'answers 429'} ServerState */

/** One example server in a process of its own, which may die and come back on the same port. */
export class Server {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child
  #port = 0
  /** @type {ServerState} */
  state = 'killed'

  /** @param {string} name */
  constructor(name) {
    this.name = name
  }

  get url() {
    return `http://127.0.0.1:${this.#port}/v1`
  }

  async start() {
    const child = fork(program, [String(this.#port)], { execArgv: [] })
    this.#child = child
    const signal = AbortSignal.timeout(longestStartMs)
    const ended = once(child, 'exit', { signal }).then(([code]) => {
      throw new Error(`the example server ${this.name} ended with code ${code}`)
    })
    const [{ port }] = await Promise.race([once(child, 'message', { signal }), ended])
    ended.catch(() => {}) // from here on it may end whenever it is killed
    this.#port = port
    this.state = 'up'
  }

  /** No farewell: connections break, and the port refuses. */
  kill() {
    this.#child?.kill('SIGKILL')
    this.state = 'killed'
  }

  /** Kills it, and waits until it is gone. */
  async stop() {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    this.kill()
    await gone
  }

  /** @param {200 | 429 | 500} status what chat requests get from now on */
  answer(status) {
    this.#child?.send({ answer: status })
    this.state = status === 200 ? 'up' : `answers ${status}`
  }
}

/** @param {readonly string[]} names */
export async function startServers(names) {
  const servers = names.map((name) => new Server(name))
  await Promise.all(servers.map((server) => server.start()))
  return servers
}
