import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { createServer } from '../../src/server/index.js'
import { needs } from '../house/needs.js'
import { RegistryDouble } from './double.js'

const dist = join(import.meta.dirname, '../../dist')

beforeEach((context) => {
  const isBuilt = existsSync(join(dist, 'client/index.js'))
  needs(context, isBuilt, 'dist is not built: npm run build')
})

/** What a program prints that closes nothing; it fails unless it ends by itself. */
async function printed(script: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', script],
    { cwd: dist, timeout: 20_000 },
  )
  return stdout.trim()
}

it('a client with heartbeats and events keeps no process alive', async () => {
  const double = await RegistryDouble.start()
  const script = `
    import { RegistryClient } from './client/index.js'
    const client = new RegistryClient({ url: '${double.url}', heartbeatTimeoutMs: 300 })
    await client.registerAgent({ id: 'a', name: 'a', capabilities: [] })
    await client.discoverAgents()
    const changes = client.watch()
    await changes.next()
    await new Promise((resolve) => setTimeout(resolve, 400))
    console.log((await client.discoverAgents()).length)
  `
  expect(await printed(script)).toBe('1')
  expect(double.count('POST', '/api/heartbeat/a')).toBeGreaterThan(0)
})

it('neither does an embedded registry that follows, nor a client whose registry is not there', async () => {
  const double = await RegistryDouble.start()
  double.add({ id: 'a' })
  const script = `
    import { ServiceRegistry } from './index.js'
    import { RegistryClient, remoteRegistry } from './client/index.js'
    const registry = new ServiceRegistry({ sources: [remoteRegistry({ url: '${double.url}' })] })
    await registry.start()
    await registry.refresh()
    const client = new RegistryClient({ url: 'http://127.0.0.1:1' })
    const gone = await client.discoverAgents().catch((error) => error.kind)
    console.log(registry.list().length, gone)
  `
  expect(await printed(script)).toBe('1 refused')
})

it('nor does a client over gRPC, with heartbeats, changes and messages, nor one that follows', async () => {
  const server = await createServer({ port: 0, grpc: { port: 0 } })
  onTestFinished(() => server.close())
  const url = server.urls.grpc
  const script = `
    import { ServiceRegistry } from './index.js'
    import { RegistryClient, remoteRegistry } from './client/index.js'
    const client = new RegistryClient({ url: '${url}', heartbeatTimeoutMs: 300 })
    await client.registerAgent({ id: 'a', name: 'a', capabilities: [] })
    await client.discoverAgents()
    const changes = client.watch()
    await changes.next()
    const notices = client.notices('a')
    const heard = notices.next()
    for (;;) try { await client.notify('a', { message: 'hello' }); break } catch {}
    const { value } = await heard
    void notices.next()
    const registry = new ServiceRegistry({ sources: [remoteRegistry({ url: '${url}' })] })
    await registry.start()
    await registry.refresh()
    const gone = new RegistryClient({ url: 'grpc://127.0.0.1:1' })
    const kind = await gone.discoverAgents().catch((error) => error.kind)
    await new Promise((resolve) => setTimeout(resolve, 400))
    console.log((await client.discoverAgents()).length, value.message, registry.list().length, kind)
  `
  const before = server.operations.position
  expect(await printed(script)).toBe('1 hello 1 refused')
  expect(server.operations.position).toBeGreaterThan(before + 1)
})
