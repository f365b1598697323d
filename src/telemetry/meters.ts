import { callDuration, definitions, durationBuckets, type FigureKey } from './definitions.js'
import { Observation, type ObservedRegistry } from './figures.js'
import type { Meter } from './opentelemetry.js'

type Observable = ReturnType<Meter['createObservableGauge']>

/**
 * Shows the figures of a registry through a meter, which reads them when it collects. Throws what the
 * meter throws, `RegistryClosedError`; then nothing is left behind. What it gives ends that.
 */
export function meterFigures(registry: ObservedRegistry, meter: Meter): () => void {
  const duration = meter.createHistogram(callDuration.instrument, {
    description: callDuration.help,
    unit: 's',
    advice: { explicitBucketBoundaries: [...durationBuckets] },
  })
  const instruments = Object.entries(definitions).map(
    ([key, { instrument, type, unit, help }]): readonly [FigureKey, Observable] => {
      const settings = { description: help, unit }
      const made =
        type === 'counter'
          ? meter.createObservableCounter(instrument, settings)
          : meter.createObservableGauge(instrument, settings)
      return [key as FigureKey, made]
    },
  )
  const observation = new Observation(registry, ({ service }, seconds) =>
    duration.record(seconds, { [serviceLabel]: service }),
  )
  const read: Parameters<Meter['addBatchObservableCallback']>[0] = (result) => {
    const { figures } = observation
    for (const [key, instrument] of instruments)
      for (const { labels, value } of figures[key]) result.observe(instrument, value, labels)
  }
  const all = instruments.map(([, instrument]) => instrument)
  try {
    meter.addBatchObservableCallback(read, all)
  } catch (error) {
    observation.dispose()
    throw error
  }
  return () => {
    observation.dispose()
    meter.removeBatchObservableCallback(read, all)
  }
}

const serviceLabel = 'service'
