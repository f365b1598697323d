import { execFile, spawnSync } from 'node:child_process'
import { createServer as createHttp } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'
import { withServer } from './rest-client.js'

const python = '/usr/bin/python3'
const hasRequests = (): boolean => spawnSync(python, ['-c', 'import requests']).status === 0

it('does what its README says, for a client in Python', async (context) => {
  needs(context, hasRequests(), 'python3-requests; run .ci/real-servers')
  const module = createHttp(async (request, response) => {
    let text = ''
    for await (const part of request.setEncoding('utf8')) text += part
    const isCall = request.url === '/_module/invoke'
    const { params } = isCall ? JSON.parse(text) : { params: undefined }
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify(isCall ? { greeting: `Hello ${params.name}` } : { status: 'healthy' }))
  })
  await new Promise<void>((resolve) => module.listen(0, '127.0.0.1', resolve))
  const location = `http://127.0.0.1:${(module.address() as AddressInfo).port}`
  try {
    await withServer({}, async (url) => {
      const script = join(root, 'test/server/python_client.py')
      const { NO_PROXY: _, ...env } = process.env
      const { stdout } = await promisify(execFile)(python, [script, url, location], {
        env: { ...env, NO_PROXY: '127.0.0.1' },
      })
      expect(stdout).toBe('done\n')
    })
  } finally {
    module.closeAllConnections()
    await new Promise((resolve) => module.close(resolve))
  }
})
