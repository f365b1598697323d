import Module from 'node:module'
import type { Tracer } from '@opentelemetry/api'
import { afterEach, expect, it, vi } from 'vitest'

type Resolve = (request: string, ...rest: readonly unknown[]) => string

const loader = Module as unknown as { _resolveFilename: Resolve }
const resolve = loader._resolveFilename

afterEach(() => {
  loader._resolveFilename = resolve
  vi.resetModules()
})

/** As if the package were not installed, or broken. */
function without(name: string, error: Error): void {
  vi.resetModules()
  loader._resolveFilename = function (this: unknown, request, ...rest) {
    if (request === name) throw error
    return Reflect.apply(resolve, this, [request, ...rest])
  }
}

const tracer = { startSpan() {} } as unknown as Tracer

it('names the package that tracing needs, and changes nothing', async () => {
  const absent = new Error("Cannot find module '@opentelemetry/api'")
  without('@opentelemetry/api', Object.assign(absent, { code: 'MODULE_NOT_FOUND' }))
  const { ServiceRegistry } = await import('switchgear')
  const { instrument } = await import('switchgear/telemetry')
  const { callChannel } = await import('../../src/core/call-channel.js')
  const registry = new ServiceRegistry()
  expect(() => instrument(registry, { tracer })).toThrow(/npm install @opentelemetry\/api@\^1\.9/)
  expect(callChannel.hasSubscribers).toBe(false)
  await registry.close()
})

it('says what is wrong with a package that is there', async () => {
  without('@opentelemetry/api', new Error('half of it is missing'))
  const { ServiceRegistry } = await import('switchgear')
  const { instrument } = await import('switchgear/telemetry')
  const registry = new ServiceRegistry()
  expect(() => instrument(registry, { tracer })).toThrow('half of it is missing')
  await registry.close()
})
