import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, it } from 'vitest'
import { serve } from '../../core/servers.js'
import { needs } from '../../house/needs.js'

const dist = join(import.meta.dirname, '../../../dist')

/** What a registry with this source lists after one look; it is not closed. */
async function listed(source: string): Promise<unknown> {
  const script = `
    import { ServiceRegistry } from './index.js'
    import { consul } from './discovery/sources/consul.js'
    import { etcd } from './discovery/sources/etcd.js'
    import { kubernetes } from './discovery/sources/kubernetes.js'
    const registry = new ServiceRegistry({ sources: [${source}] })
    await registry.start()
    await registry.refresh()
    console.log(JSON.stringify(registry.list().map(({ name }) => name)))
  `
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', script],
    { cwd: dist, timeout: 20_000 },
  )
  return JSON.parse(stdout)
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')
const key = Buffer.from('/s/a').toString('base64')
const pod = { addresses: ['10.7.0.3'], conditions: { ready: true } }

/** Path, and what is answered there; everything else is waited for without end. */
const answers: Readonly<Record<string, unknown>> = {
  '/v1/health/service/llm': [{ Service: { Address: '10.7.0.3', Port: 80 } }],
  '/v3/kv/range': {
    header: { revision: '2' },
    kvs: [{ key, value: base64({ type: 'llm', name: 'llm@10.7.0.3:80' }) }],
  },
  '/apis/discovery.k8s.io/v1/namespaces/n/endpointslices?labelSelector=kubernetes.io%2Fservice-name+in+%28llm%29&limit=250':
    {
      metadata: { resourceVersion: '1' },
      items: [
        {
          metadata: { name: 's', labels: { 'kubernetes.io/service-name': 'llm' } },
          addressType: 'IPv4',
          endpoints: [pod],
          ports: [{ port: 80 }],
        },
      ],
    },
}

beforeEach((context) => {
  const isBuilt = existsSync(join(dist, 'discovery/sources/kubernetes.js'))
  needs(context, isBuilt, 'dist is not built: npm run build')
})

describe('a process whose registry was not closed exits', () => {
  it.each([
    ['consul', "{ service: 'llm', url }"],
    ['etcd', "{ prefix: '/s/', url }"],
    ['kubernetes', "{ service: 'llm', namespace: 'n', url }"],
  ])('although %s is being watched', async (name, options) => {
    const { url } = await serve((request, response) => {
      const answer = answers[request.url ?? '']
      if (answer !== undefined) response.end(JSON.stringify(answer))
    })
    expect(await listed(`${name}(${options.replace('url', `url: '${url}'`)})`)).toEqual([
      'llm@10.7.0.3:80',
    ])
  })
})
