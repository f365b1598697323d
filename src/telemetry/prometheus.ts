import { callDuration, definitions, durationBuckets, type MetricDefinition } from './definitions.js'
import { Observation, type ObservedRegistry } from './figures.js'
import { type PromRegistry, promClient } from './prom-client.js'
import { checkFree, type PromTarget, registerOf } from './register.js'
import type { Series } from './tally.js'

/** The metrics of one registry, ready to be scraped. */
export interface PrometheusMetrics extends Disposable {
  /** Where they are: the one that was given, or one of their own. */
  readonly register: PromRegistry
  /** What to send with the text. */
  readonly contentType: string
  /** All that is in the register, in the text format of Prometheus. */
  text(): Promise<string>
  /** Stops listening and takes the metrics out of the register. */
  dispose(): void
}

const names = [callDuration, ...Object.values(definitions)].map(({ name }) => name)

/**
 * Shows a registry to Prometheus, through prom-client. Values are read when they are scraped; calls
 * are counted from events, which from then on are made. Throws `InvalidOptionsError` when the
 * register shows another registry already, `RegistryClosedError`.
 */
export function prometheus(registry: ObservedRegistry, target?: PromTarget): PrometheusMetrics {
  const register = registerOf(target)
  checkFree(
    register,
    names,
    'give each ServiceRegistry a register of its own, or dispose the first',
  )
  const { Histogram } = promClient()
  const durations = new Histogram({
    name: callDuration.name,
    help: callDuration.help,
    labelNames: ['service'],
    buckets: [...durationBuckets],
    registers: [],
  })
  const observation = new Observation(registry, (labels, seconds) =>
    durations.observe(labels, seconds),
  )
  register.registerMetric(durations)
  for (const [key, definition] of Object.entries(definitions))
    register.registerMetric(
      metricOf(definition, () => observation.figures[key as keyof typeof definitions]),
    )
  const dispose = (): void => {
    observation.dispose()
    if (register.getSingleMetric(callDuration.name) !== durations) return
    for (const name of names) register.removeSingleMetric(name)
  }
  return {
    register,
    contentType: register.contentType,
    text: () => register.metrics(),
    dispose,
    [Symbol.dispose]: dispose,
  }
}

/** What it shows is what is read at the time. */
function metricOf(
  { name, help, labels, type }: MetricDefinition,
  read: () => readonly Series[],
): Parameters<PromRegistry['registerMetric']>[0] {
  const { Counter, Gauge } = promClient()
  const settings = { name, help, labelNames: [...labels], registers: [] }
  const metric =
    type === 'counter'
      ? new Counter({ ...settings, collect: () => fill() })
      : new Gauge({ ...settings, collect: () => fill() })
  const fill = (): void => {
    metric.reset()
    for (const { labels, value } of read()) metric.inc(labels, value)
  }
  return metric
}
