import { context, ROOT_CONTEXT, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { AllProvidersFailedError, ServiceRegistry } from 'switchgear'
import { type Instrumentation, instrument } from 'switchgear/telemetry'
import { FakeClock } from 'switchgear/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callChannel } from '../../src/core/call-channel.js'

interface Worker {
  work(word: string): Promise<string>
}

interface Services {
  worker: Worker
  llm: { chat: { create(): Promise<string> } }
}

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracer = provider.getTracer('test')

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})
afterAll(() => context.disable())

let clock: FakeClock
let registry: ServiceRegistry<Services>
let instrumentation: Instrumentation

beforeEach(() => {
  exporter.reset()
  clock = new FakeClock()
  registry = new ServiceRegistry<Services>({ clock, services: { worker: { idempotent: true } } })
  instrumentation = instrument(registry, { tracer })
})
afterEach(async () => {
  instrumentation.dispose()
  await registry.close()
})

/** As a tree of names, children in the order they began. */
function tree(): unknown {
  const spans = exporter.getFinishedSpans()
  const under = (id: string | undefined): object =>
    Object.fromEntries(
      spans
        .filter((span) => span.parentSpanContext?.spanId === id)
        .sort(
          (a, b) =>
            Number(a.attributes['switchgear.attempt'] ?? 0) -
            Number(b.attributes['switchgear.attempt'] ?? 0),
        )
        .map((span, at) => [`${at} ${span.name}`, under(span.spanContext().spanId)]),
    )
  return under(undefined)
}

const spansNamed = (name: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => span.name === name)

const only = (name: string): ReadableSpan => {
  const [first, ...more] = spansNamed(name)
  if (first === undefined || more.length > 0) throw new Error(`${more.length + 1} of ${name}`)
  return first
}

const fails = (message: string): Worker => ({ work: () => Promise.reject(new Error(message)) })
const inner = async (word: string): Promise<string> => {
  await Promise.resolve()
  tracer.startSpan('inner').end()
  return word
}

describe('spans', () => {
  it('are one of each call, a child of each attempt, and those of the provider below it', async () => {
    registry.register({ service: 'worker', name: 'a', priority: 'high', provider: fails('down') })
    registry.register({ service: 'worker', name: 'b', priority: 'low', provider: { work: inner } })
    await registry.client('worker').work('x')
    expect(tree()).toEqual({
      '0 worker.work': {
        '0 worker.work attempt': {},
        '1 worker.work attempt': { '0 inner': {} },
      },
    })
    const call = only('worker.work')
    expect(call.attributes).toEqual({
      'switchgear.service': 'worker',
      'switchgear.method': 'work',
      'switchgear.attempts': 2,
    })
    expect(call.status.code).toBe(SpanStatusCode.UNSET)
    const [first, second] = spansNamed('worker.work attempt')
    expect(first?.attributes).toEqual({
      'switchgear.service': 'worker',
      'switchgear.method': 'work',
      'switchgear.provider': 'a',
      'switchgear.attempt': 1,
      'switchgear.cause': 'transient',
      'error.type': 'Error',
    })
    expect(first?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'down' })
    expect(first?.events[0]?.attributes).toMatchObject({ 'exception.message': 'down' })
    expect(second?.attributes).toMatchObject({
      'switchgear.provider': 'b',
      'switchgear.attempt': 2,
    })
    expect(second?.status.code).toBe(SpanStatusCode.UNSET)
  })

  it('hang under what is active where the call is made, and nest', async () => {
    registry.register({ service: 'worker', name: 'a', provider: { work: inner } })
    const outer = tracer.startSpan('outer')
    await context.with(trace.setSpan(ROOT_CONTEXT, outer), () =>
      registry.call('worker', {}, (worker) => registry.call('worker', {}, () => worker.work('x'))),
    )
    outer.end()
    expect(tree()).toEqual({
      '0 outer': {
        '0 worker': {
          '0 worker attempt': { '0 worker': { '0 worker attempt': { '0 inner': {} } } },
        },
      },
    })
  })

  it('of a call that fails everywhere say so', async () => {
    for (const name of ['a', 'b'])
      registry.register({ service: 'worker', name, provider: fails(name) })
    const call = registry.call('worker', {}, (worker) => worker.work('x'), { attempts: 2 })
    await expect(call).rejects.toThrow(AllProvidersFailedError)
    expect(only('worker').status.code).toBe(SpanStatusCode.ERROR)
    expect(only('worker').attributes).toMatchObject({ 'switchgear.attempts': 2 })
    expect(spansNamed('worker attempt')).toHaveLength(2)
  })

  it('end without an attempt when there is no provider', async () => {
    await expect(registry.client('worker').work('x')).rejects.toThrow(/No provider/i)
    const call = only('worker.work')
    expect(call.attributes).toMatchObject({
      'switchgear.attempts': 0,
      'error.type': 'NoProviderError',
    })
  })

  it('end when the caller gives up, during an attempt and between two', async () => {
    registry.register({
      service: 'worker',
      name: 'a',
      provider: { work: () => new Promise(() => {}) },
    })
    const gone = new AbortController()
    const { signal } = gone
    const call = registry.call('worker', {}, (worker) => worker.work('x'), { signal })
    gone.abort(new Error('gone'))
    await expect(call).rejects.toThrow('gone')
    expect(only('worker attempt').attributes).toMatchObject({ 'switchgear.cause': 'aborted' })
    expect(only('worker').status).toEqual({ code: SpanStatusCode.ERROR, message: 'gone' })

    exporter.reset()
    registry.register({ service: 'worker', name: 'a', replace: true, provider: fails('down') })
    const later = new AbortController()
    const waiting = registry.call('worker', {}, (worker) => worker.work('x'), {
      signal: later.signal,
    })
    waiting.catch(() => {})
    await clock.advance(1)
    later.abort(new Error('later'))
    await expect(waiting).rejects.toThrow('later')
    expect(spansNamed('worker attempt')).toHaveLength(1)
    expect(only('worker').status.message).toBe('later')
  })

  it('end when time runs out', async () => {
    registry.register({
      service: 'worker',
      name: 'a',
      provider: { work: () => new Promise(() => {}) },
    })
    const call = registry.call('worker', {}, (worker) => worker.work('x'), { timeoutMs: 50 })
    call.catch(() => {})
    await clock.advance(50)
    await expect(call).rejects.toThrow()
    expect(only('worker').attributes).toMatchObject({ 'error.type': 'CallTimeoutError' })
    expect(spansNamed('worker attempt')).toHaveLength(1)
  })

  it('go on under their call after a timer: what fails over later is no child of somebody else', async () => {
    registry.register({
      service: 'worker',
      name: 'a',
      priority: 'high',
      circuit: { timeoutMs: 100 },
      provider: { work: () => new Promise(() => {}) },
    })
    registry.register({ service: 'worker', name: 'b', priority: 'low', provider: { work: inner } })
    const calls = ['one', 'two'].map((name) => {
      const span = tracer.startSpan(name)
      const done = context.with(trace.setSpan(ROOT_CONTEXT, span), () =>
        registry.client('worker').work(name),
      )
      return done.finally(() => span.end())
    })
    await clock.advance(100)
    await Promise.all(calls)
    const call = { '0 worker.work attempt': {}, '1 worker.work attempt': { '0 inner': {} } }
    expect(Object.values(tree() as object)).toEqual([
      { '0 worker.work': call },
      { '0 worker.work': call },
    ])
  })

  it('of a stream last until its end, and hold what its generator does', async () => {
    registry.register({ service: 'worker', name: 'a', provider: fails('unused') })
    const stream = registry.stream('worker', {}, async function* () {
      yield await inner('1')
      yield await inner('2')
    })
    const seen: string[] = []
    for await (const one of stream) {
      seen.push(one)
      expect(spansNamed('worker')).toEqual([])
    }
    expect(seen).toEqual(['1', '2'])
    expect(tree()).toEqual({
      '0 worker': { '0 worker attempt': { '0 inner': {}, '1 inner': {} } },
    })
  })

  it('of a stream whose reader leaves are no error', async () => {
    registry.register({ service: 'worker', name: 'a', provider: fails('unused') })
    const stream = registry.stream('worker', {}, async function* () {
      yield '1'
      yield '2'
    })
    for await (const _ of stream) break
    expect(only('worker attempt').attributes).toMatchObject({ 'switchgear.cause': 'cancelled' })
    expect(only('worker attempt').status.code).toBe(SpanStatusCode.UNSET)
    expect(only('worker').status.code).toBe(SpanStatusCode.UNSET)
  })

  it('of a stream that breaks before its first item show both attempts', async () => {
    for (const [name, priority] of [
      ['a', 'high'],
      ['b', 'low'],
    ] as const)
      registry.register({ service: 'worker', name, priority, provider: { work: async () => name } })
    const stream = registry.stream('worker', {}, async function* (_, { provider }) {
      if (provider === 'a') throw new Error('broke')
      yield await inner(provider)
    })
    const seen: string[] = []
    for await (const one of stream) seen.push(one)
    expect(seen).toEqual(['b'])
    expect(tree()).toEqual({
      '0 worker': { '0 worker attempt': {}, '1 worker attempt': { '0 inner': {} } },
    })
  })

  it('count connecting as part of the attempt', async () => {
    registry.register({
      service: 'worker',
      name: 'a',
      priority: 'high',
      connect: () => Promise.reject(new Error('no way in')),
    })
    registry.register({
      service: 'worker',
      name: 'b',
      priority: 'low',
      connect: async () => ({ work: inner }),
    })
    await registry.client('worker').work('x')
    const [a, b] = spansNamed('worker.work attempt')
    expect(a?.status.message).toBe('no way in')
    expect(b?.attributes).toMatchObject({ 'switchgear.provider': 'b', 'switchgear.attempt': 2 })
    expect(spansNamed('worker.work attempt')).toHaveLength(2)
    expect(only('worker.work').status.code).toBe(SpanStatusCode.UNSET)
  })

  it('of services for generative AI carry its attributes', async () => {
    registry.register({
      service: 'llm',
      name: 'openai',
      provider: { chat: { create: async () => 'hi' } },
    })
    await registry.client('llm').chat.create()
    expect(only('llm.chat.create').attributes).toMatchObject({ 'gen_ai.operation.name': 'chat' })
    expect(only('llm.chat.create attempt').attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
    })
  })

  it('are of this registry only, and end with dispose', async () => {
    const another = new ServiceRegistry<Services>()
    another.register({ service: 'worker', name: 'a', provider: { work: inner } })
    await another.client('worker').work('x')
    expect(spansNamed('worker.work')).toEqual([])
    registry.register({ service: 'worker', name: 'a', provider: { work: inner } })
    instrumentation.dispose()
    instrumentation.dispose()
    expect(callChannel.hasSubscribers).toBe(false)
    await registry.client('worker').work('x')
    expect(spansNamed('worker.work')).toEqual([])
    await another.close()
  })

  it('are made twice by two who look, and each has its own children', async () => {
    using _second = instrument(registry, { tracer })
    registry.register({ service: 'worker', name: 'a', provider: { work: async (word) => word } })
    await registry.client('worker').work('x')
    expect(Object.values(tree() as object)).toEqual([
      { '0 worker.work attempt': {} },
      { '0 worker.work attempt': {} },
    ])
  })

  it('that cannot be made change nothing', async () => {
    instrumentation.dispose()
    const broken = (message: string): never => {
      throw new Error(message)
    }
    const half = {
      startSpan: (name: string) => {
        if (name.endsWith('attempt')) broken('no attempt')
        return new Proxy({}, { get: () => () => broken('no span') })
      },
    }
    for (const one of [{ startSpan: () => broken('nothing') }, half]) {
      using _ = instrument(registry, { tracer: one as unknown as Tracer })
      registry.register({ service: 'worker', name: 'a', replace: true, provider: { work: inner } })
      expect(await registry.client('worker').work('x')).toBe('x')
    }
  })
})
