// @ts-check
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * A server in a process of its own, which answers messages of ours: see `answer` below.
 * @param {string} file beside this one
 * @param {string[]} args
 */
export async function started(file, ...args) {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = fork(path, args, { execArgv: ['--expose-gc'] })
  /** @param {object} message @returns {Promise<any>} */
  const ask = async (message) => {
    child.send(message)
    const [answer] = await once(child, 'message')
    return answer
  }
  const [urls] = await once(child, 'message')
  return {
    urls,
    ask,
    /** Milliseconds of processor time so far. */
    pid: child.pid ?? 0,
    cpuMs: async () => (await ask({ cpu: true })).cpuMs,
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

/**
 * The other side: tells where it listens, and answers. `own` answers what is not `{ cpu }`.
 * @param {object} urls @param {(message: any) => unknown} [own]
 */
export function answering(urls, own = () => ({})) {
  process.on('message', async (/** @type {any} */ message) => {
    if (message.cpu !== true) return process.send?.((await own(message)) ?? {})
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuMs: (user + system) / 1e3 })
  })
  process.on('disconnect', () => process.exit()) // the bench has failed
  process.send?.(urls)
}
