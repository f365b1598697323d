// @ts-check
import { setTimeout as sleep } from 'node:timers/promises'

/** @typedef {import('./servers.js').Server} Server */

/**
 * What goes wrong, and when, in seconds of a run of 15; other lengths are scaled. For a while two
 * of three are out, so that only the fallback is left.
 *
 * @type {readonly { at: number, to: string, text: string, act: (server: Server) => unknown }[]}
 */
export const script = [
  { at: 2, to: 'alpha', text: 'killed (SIGKILL)', act: (server) => server.kill() },
  { at: 4, to: 'beta', text: 'answers 500 to everything', act: (server) => server.answer(500) },
  { at: 6, to: 'alpha', text: 'back on the same port', act: (server) => server.start() },
  { at: 7, to: 'beta', text: 'well again', act: (server) => server.answer(200) },
  { at: 9, to: 'beta', text: 'answers 429, retry after 1 s', act: (server) => server.answer(429) },
  { at: 11.5, to: 'beta', text: 'well again', act: (server) => server.answer(200) },
]

export const scriptSeconds = 15

/**
 * @param {readonly Server[]} servers
 * @param {number} lengthMs
 * @param {AbortSignal} signal
 * @param {(provider: string, text: string) => void} tell
 */
export async function play(servers, lengthMs, signal, tell) {
  const startedAt = performance.now()
  for (const { at, to, text, act } of script) {
    const dueAt = startedAt + (at / scriptSeconds) * lengthMs
    await sleep(dueAt - performance.now(), undefined, { signal })
    const server = servers.find(({ name }) => name === to)
    if (server === undefined) continue
    await act(server)
    tell(to, text)
  }
}
