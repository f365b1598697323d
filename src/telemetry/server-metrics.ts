import { LabelValues } from './label-values.js'
import { type Counter, type Gauge, type PromRegistry, promClient } from './prom-client.js'
import { checkFree, type PromTarget, registerOf } from './register.js'
import { Tally } from './tally.js'

/** What became of an operation: done, refused for what was asked, or gone wrong on our side. */
export type OperationResult = 'ok' | 'refused' | 'failed'

/** How many registered agents of a type are in a status. */
export interface AgentCount {
  readonly agentType: string
  readonly status: string
  readonly count: number
}

/** The five `service_registry_*` metrics, for a server to feed. */
export interface ServerMetrics extends Disposable {
  readonly register: PromRegistry
  registered(result: OperationResult): void
  heartbeat(result: OperationResult): void
  discovered(result: OperationResult): void
  /** How long an operation took, in seconds. Names of operations are few, and our own. */
  took(operation: string, seconds: number): void
  /** Takes the metrics out of the register. */
  dispose(): void
}

const prefix = 'service_registry_'
const counters = {
  register: 'Registrations.',
  heartbeat: 'Heartbeats.',
  discover: 'Searches for agents.',
} as const

const serverMetricNames: readonly string[] = [
  `${prefix}agents_total`,
  ...Object.keys(counters).map((name) => `${prefix}${name}_total`),
  `${prefix}latency_seconds`,
]

/** In seconds: most operations are answered out of memory. */
const buckets = [0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * Shows a server to Prometheus. `agents` is asked at each scrape. Throws `InvalidOptionsError` when
 * the register shows another server already.
 */
export function serverMetrics(
  agents: () => Iterable<AgentCount>,
  target?: PromTarget,
): ServerMetrics {
  const register = registerOf(target)
  checkFree(register, serverMetricNames, 'give each server a register of its own')
  const { Histogram } = promClient()
  const latency = new Histogram({
    name: `${prefix}latency_seconds`,
    help: 'Time of an operation.',
    labelNames: ['operation'],
    buckets,
    registers: [],
  })
  const gauge = agentsGauge(agents)
  const [registered, heartbeat, discovered] = [
    counter('register'),
    counter('heartbeat'),
    counter('discover'),
  ] as const
  register.registerMetric(gauge)
  for (const one of [registered, heartbeat, discovered]) register.registerMetric(one)
  register.registerMetric(latency)
  const operations = new LabelValues()
  const dispose = (): void => {
    if (register.getSingleMetric(serverMetricNames[0] ?? '') !== gauge) return
    for (const name of serverMetricNames) register.removeSingleMetric(name)
  }
  return {
    register,
    registered: (result) => registered.inc({ result }),
    heartbeat: (result) => heartbeat.inc({ result }),
    discovered: (result) => discovered.inc({ result }),
    took: (operation, seconds) => latency.observe({ operation: operations.of(operation) }, seconds),
    dispose,
    [Symbol.dispose]: dispose,
  }
}

function agentsGauge(agents: () => Iterable<AgentCount>): Gauge<'agent_type' | 'status'> {
  const types = new LabelValues()
  const { Gauge } = promClient()
  const gauge: Gauge<'agent_type' | 'status'> = new Gauge({
    name: `${prefix}agents_total`,
    help: 'Agents registered now.',
    labelNames: ['agent_type', 'status'],
    registers: [],
    collect() {
      const tally = new Tally(['agent_type', 'status'])
      for (const { agentType, status, count } of agents())
        tally.add([types.of(agentType), status], count)
      gauge.reset()
      for (const { labels, value } of tally.all) gauge.inc(labels, value)
    },
  })
  return gauge
}

/** Each result is there from the start, so that a rate can be had of the first. */
function counter(name: keyof typeof counters): Counter<'result'> {
  const { Counter } = promClient()
  const made = new Counter({
    name: `${prefix}${name}_total`,
    help: counters[name],
    labelNames: ['result'],
    registers: [],
  })
  for (const result of ['ok', 'refused', 'failed']) made.inc({ result }, 0)
  return made
}
