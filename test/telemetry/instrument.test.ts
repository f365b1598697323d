import { type Meter, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InvalidOptionsError, RegistryClosedError, ServiceRegistry } from 'switchgear'
import { instrument } from 'switchgear/telemetry'
import { FakeClock } from 'switchgear/testing'
import { describe, expect, it } from 'vitest'
import { callChannel } from '../../src/core/call-channel.js'

interface Worker {
  work(word: string): Promise<string>
}

/** A real SDK whose collection is asked for. */
function world() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({ readers: [reader] })
  const collect = async () => {
    exporter.reset()
    await reader.forceFlush()
    const metrics = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
    return Object.fromEntries(
      metrics.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        {
          unit: descriptor.unit,
          points: dataPoints.map(({ attributes, value }) => ({ attributes, value })),
        },
      ]),
    )
  }
  return { meter: provider.getMeter('test'), collect, end: () => provider.shutdown() }
}

const registryOf = (clock = new FakeClock()) =>
  new ServiceRegistry<{ worker: Worker }>({ clock, services: { worker: { idempotent: true } } })

describe('instrument with a meter', () => {
  it('shows figures, and durations in seconds without providers', async () => {
    const clock = new FakeClock()
    const registry = registryOf(clock)
    const { meter, collect, end } = world()
    using _ = instrument(registry, { meter })
    registry.register({
      service: 'worker',
      name: 'a',
      priority: 'high',
      provider: { work: () => Promise.reject(new Error('down')) },
    })
    registry.register({
      service: 'worker',
      name: 'b',
      priority: 'low',
      provider: {
        async work(word) {
          await clock.sleep(2_000)
          return word
        },
      },
    })
    const call = registry.client('worker').work('x')
    await clock.advance(2_000)
    await call
    const metrics = await collect()
    expect(metrics['switchgear.calls']?.points).toEqual([
      {
        attributes: { service: 'worker', provider: 'a', outcome: 'failure', cause: 'transient' },
        value: 1,
      },
      { attributes: { service: 'worker', provider: 'b', outcome: 'success', cause: '' }, value: 1 },
    ])
    expect(metrics['switchgear.failovers']?.points).toEqual([
      { attributes: { service: 'worker', cause: 'transient' }, value: 1 },
    ])
    expect(metrics['switchgear.call.duration']).toMatchObject({
      unit: 's',
      points: [
        {
          attributes: { service: 'worker' },
          value: {
            count: 2,
            sum: 2,
            buckets: {
              boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
            },
          },
        },
      ],
    })
    expect(metrics['switchgear.circuit.state']?.points).toContainEqual({
      attributes: { provider: 'a', state: 'closed' },
      value: 1,
    })
    expect(metrics['switchgear.store.lag']).toEqual({
      unit: 's',
      points: [{ attributes: {}, value: 0 }],
    })
    await registry.close()
    await end()
  })

  it('stops with dispose', async () => {
    const registry = registryOf()
    const { meter, collect, end } = world()
    const instrumentation = instrument(registry, { meter })
    registry.register({ service: 'worker', name: 'a', provider: { work: async (word) => word } })
    await registry.client('worker').work('x')
    expect((await collect())['switchgear.calls']?.points).toHaveLength(1)
    instrumentation.dispose()
    instrumentation.dispose()
    await registry.client('worker').work('x')
    const after = await collect()
    expect(after['switchgear.calls']?.points).toMatchObject([{ value: 1 }]) // the SDK's last
    expect(after['switchgear.call.duration']?.points[0]?.value).toMatchObject({ count: 1 })
    await registry.close()
    await end()
  })

  it('changes nothing when the meter throws', async () => {
    const broken = (): never => {
      throw new Error('broken meter')
    }
    const { meter, end } = world()
    const registry = registryOf()
    const worker: Worker = { work: async (word) => word }
    registry.register({ service: 'worker', name: 'a', provider: worker })

    const records = Object.assign(Object.create(meter), {
      createHistogram: () => ({ record: broken }),
    })
    using _ = instrument(registry, { meter: records as Meter })
    expect(await registry.client('worker').work('x')).toBe('x')
    expect(registry.circuit('a').stats).toMatchObject({ successes: 1, failures: 0 })

    const refuses = Object.assign(Object.create(meter), { addBatchObservableCallback: broken })
    const both = { meter: refuses as Meter, tracer: trace.getTracer('test') }
    expect(() => instrument(registry, both)).toThrow('broken meter')
    expect(callChannel.hasSubscribers).toBe(false)
    expect(await registry.client('worker').work('x')).toBe('x')
    await registry.close()
    await end()
  })
})

describe('instrument', () => {
  it.each([
    [{}, /meter: expected/],
    [undefined, /meter: expected/],
    [{ meter: {} }, /meter: expected/],
    [{ tracer: 5 }, /tracer: expected/],
    [{ tracer: { startSpan() {} }, generative: 'llm' }, /generative: expected a list/],
  ])('refuses %j', (options, message) => {
    const registry = registryOf()
    expect(() => instrument(registry, options as never)).toThrow(InvalidOptionsError)
    expect(() => instrument(registry, options as never)).toThrow(message)
  })

  it('refuses a closed registry', async () => {
    const registry = registryOf()
    await registry.close()
    const { meter, end } = world()
    expect(() => instrument(registry, { meter })).toThrow(RegistryClosedError)
    await end()
  })
})
