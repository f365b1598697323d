import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { needs } from '../house/needs.js'
import { serve } from './servers.js'

const dist = join(import.meta.dirname, '../../dist')

/** What a fresh process prints; it is ended when it does not end by itself. */
async function printed(script: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', script],
    { cwd: dist, timeout: 20_000 },
  )
  return JSON.parse(stdout)
}

describe('a process that asks over HTTP', () => {
  it('exits although a connection is idle, and loads undici only when it asks', async (context) => {
    needs(context, existsSync(join(dist, 'core/http.js')), 'dist is not built: npm run build')
    // Kept open by the server for ever, so only the client can let go.
    const { url, sockets } = await serve((_, response) => {
      response.setHeader('keep-alive', 'timeout=600')
      response.end('{}')
    })
    const result = await printed(`
      import { createRequire } from 'node:module'
      const loaded = () =>
        Object.keys(createRequire(import.meta.url).cache).some((file) => /[\\\\/]undici[\\\\/]/.test(file))
      await import('./index.js')
      const before = loaded()
      const { fetchAnswer } = await import('./core/http.js')
      await fetchAnswer('${url}')
      const kept = process.getActiveResourcesInfo().filter((kind) => kind !== 'Immediate')
      console.log(JSON.stringify({ before, after: loaded(), kept }))
    `)
    expect(result).toMatchObject({ before: false, after: true })
    expect(sockets).toHaveLength(1)
  })

  it('exits although it waits in the background for an answer that never comes', async (context) => {
    needs(context, existsSync(join(dist, 'core/http.js')), 'dist is not built: npm run build')
    const { url, sockets } = await serve((request, response) => {
      if (request.url === '/ready') response.end('{}')
      else response.write('one\n')
    })
    const result = await printed(`
      const { fetchAnswer, streamLines } = await import('./core/http.js')
      await fetchAnswer('${url}/ready')
      const lines = streamLines('${url}/watch', { use: 'wait' })
      const hold = setInterval(() => {}, 60_000) // else the process would be gone already
      console.log(JSON.stringify(await lines.next()))
      clearInterval(hold)
      void lines.next()
    `)
    expect(result).toEqual({ value: 'one', done: false })
    expect(sockets).toHaveLength(2)
  })
})
