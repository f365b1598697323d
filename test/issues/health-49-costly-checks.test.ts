import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import {
  healthAnswer,
  httpProbe,
  ServiceRegistry,
  tcpProbe,
  webSocketProbe,
} from '../../src/index.js'
import { scene } from '../registry/scene.js'

it('pitfall 49: no built-in probe over HTTP asks for work: no POST, no body, no path but the one it is given', async () => {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    seen.push(request)
    response.end('{"status":"ok","models":["m"]}')
  })
  server.on('upgrade', (request, socket) => {
    seen.push(request)
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`
  const registry = new ServiceRegistry<{ llm: object }>()
  const probes = [httpProbe(), httpProbe({ read: healthAnswer }), webSocketProbe(), tcpProbe()]
  for (const probe of probes)
    registry.register({ service: 'llm', provider: {}, address, health: { probe } })
  await registry.healthCheckAll()
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual(Array(3).fill('GET /health'))
  for (const { headers } of seen) {
    expect(headers['content-length']).toBeUndefined()
    expect(headers['transfer-encoding']).toBeUndefined()
  }
  await registry.close()
  server.closeAllConnections()
  server.close()
})

it('pitfall 49: many who want to know cost one check, and nothing is checked that nobody wants to know', async () => {
  const { registry, clock } = scene()
  let asked = 0
  const check = async (): Promise<boolean> => {
    asked += 1
    await clock.sleep(10)
    return true
  }
  registry.register({ service: 'llm', name: 'a', provider: {}, health: { check } })
  await clock.advance(600_000)
  expect(asked).toBe(0)
  const wanted = Promise.all(Array.from({ length: 100 }, () => registry.getService('llm')))
  await clock.advance(10)
  expect(await wanted).toHaveLength(100)
  expect(asked).toBe(1)
})
