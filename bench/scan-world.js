// @ts-check
import { createServer } from 'node:net'
import { startFakeBackend } from 'switchgear/testing'

/*
 * What a scan finds: run in a process of its own, so that answering takes no time of who asks. `living` back ends and
 * `hanging` ports that accept and never answer, on the ports it is given.
 */

const KINDS = /** @type {const} */ (['ollama', 'vllm', 'comfyui', 'wan2gp', 'litellm'])

/** @param {{ living: number[], hanging: number[] }} ports */
async function start({ living, hanging }) {
  await Promise.all(
    living.map((port, i) => startFakeBackend(KINDS[i % KINDS.length] ?? 'ollama', { port })),
  )
  await Promise.all(
    hanging.map(
      (port) =>
        new Promise((resolve) => {
          const server = createServer((socket) => socket.on('error', () => {}))
          server.listen(port, '127.0.0.1', () => resolve(undefined))
        }),
    ),
  )
  process.send?.('ready')
}

process.on('message', (message) => void start(/** @type {any} */ (message)))
process.on('disconnect', () => process.exit())
