export type { ObservedRegistry } from './figures.js'
export { type Instrumentation, type InstrumentOptions, instrument } from './instrument.js'
export { type PrometheusMetrics, prometheus } from './prometheus.js'
export type { PromTarget } from './register.js'
export {
  type AgentCount,
  type OperationResult,
  type ServerMetrics,
  serverMetrics,
} from './server-metrics.js'
