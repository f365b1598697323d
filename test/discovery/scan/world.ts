import type { ServerResponse } from 'node:http'
import { settled } from '../../../src/core/clock.js'
import type { FakeClock } from '../../../src/testing/fake-clock.js'
import { serve, serveRaw } from '../../core/servers.js'

/** Answers by path with these bodies: objects and lists as JSON, texts as pages. Everything else is 404. */
export const answering = (bodies: Readonly<Record<string, unknown>>, host?: string) =>
  serve(({ url = '' }, response) => {
    const body = bodies[url]
    if (body === undefined) response.writeHead(404).end()
    else if (typeof body === 'function') (body as (response: ServerResponse) => void)(response)
    else if (typeof body === 'string') response.setHeader('content-type', 'text/html').end(body)
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  }, host)

/** Accepts connections and says nothing, ever. */
export const silent = () => serveRaw(() => {})

/** Lets virtual time pass until it is done; real sockets get their turn in between. */
export async function passing<T>(clock: FakeClock, work: Promise<T>, stepMs = 50): Promise<T> {
  let done = false
  const watched = work.finally(() => {
    done = true
  })
  watched.catch(() => {})
  while (!done) {
    for (let turn = 0; turn < 5; turn++) await settled()
    if (!done) await clock.advance(stepMs)
  }
  return watched
}

export const comfyStats = {
  system: { os: 'posix', comfyui_version: '0.4.1', python_version: '3.12' },
  devices: [{ name: 'cpu', type: 'cpu' }],
}
