/** A figure that is read, or counted from events, and shown to whoever asks. */
export interface MetricDefinition {
  /** As Prometheus knows it; times are seconds. */
  readonly name: string
  /** As OpenTelemetry knows it. */
  readonly instrument: string
  readonly type: 'counter' | 'gauge'
  /** Of UCUM, as OpenTelemetry wants it. */
  readonly unit: string
  readonly help: string
  readonly labels: readonly string[]
}

const define = <const T extends Readonly<Record<string, MetricDefinition>>>(table: T): T => table

export const definitions: Readonly<Record<FigureKey, MetricDefinition>> = define({
  providers: {
    name: 'switchgear_providers',
    instrument: 'switchgear.providers',
    type: 'gauge',
    unit: '{provider}',
    help: 'Providers registered now.',
    labels: ['service', 'health'],
  },
  circuits: {
    name: 'switchgear_circuit_state',
    instrument: 'switchgear.circuit.state',
    type: 'gauge',
    unit: '{provider}',
    help: '1 for the state a circuit is in, 0 for the others.',
    labels: ['provider', 'state'],
  },
  calls: {
    name: 'switchgear_calls_total',
    instrument: 'switchgear.calls',
    type: 'counter',
    unit: '{call}',
    help: 'Attempts of calls, by what became of them and why.',
    labels: ['service', 'provider', 'outcome', 'cause'],
  },
  resolutions: {
    name: 'switchgear_resolutions_total',
    instrument: 'switchgear.resolutions',
    type: 'counter',
    unit: '{resolution}',
    help: 'Look-ups of a provider: hit, or miss when there was none.',
    labels: ['service', 'result'],
  },
  resolutionTimes: {
    name: 'switchgear_resolution_duration_seconds',
    instrument: 'switchgear.resolution.duration',
    type: 'gauge',
    unit: 's',
    help: 'Time of a look-up since the start, of one in 64: quantiles.',
    labels: ['quantile'],
  },
  failovers: {
    name: 'switchgear_failovers_total',
    instrument: 'switchgear.failovers',
    type: 'counter',
    unit: '{failover}',
    help: 'Calls that went on at another provider, by why.',
    labels: ['service', 'cause'],
  },
  healthChecks: {
    name: 'switchgear_health_checks_total',
    instrument: 'switchgear.health_checks',
    type: 'counter',
    unit: '{check}',
    help: 'Verdicts of health checks.',
    labels: ['result'],
  },
  sources: {
    name: 'switchgear_sources',
    instrument: 'switchgear.sources',
    type: 'gauge',
    unit: '{source}',
    help: '1 for the state a source is in, 0 for the others.',
    labels: ['source', 'state'],
  },
  storeLag: {
    name: 'switchgear_store_lag_seconds',
    instrument: 'switchgear.store.lag',
    type: 'gauge',
    unit: 's',
    help: 'Age of the oldest change that is not in the store yet.',
    labels: [],
  },
})

export type FigureKey =
  | 'providers'
  | 'circuits'
  | 'calls'
  | 'resolutions'
  | 'resolutionTimes'
  | 'failovers'
  | 'healthChecks'
  | 'sources'
  | 'storeLag'

/** The one figure that is a histogram: without providers, whose number is not bounded. */
export const callDuration = {
  name: 'switchgear_call_duration_seconds',
  instrument: 'switchgear.call.duration',
  help: 'Time of an attempt that was admitted; of a stream until its end.',
} as const

/** In seconds: from what is answered out of memory to a long generation. */
export const durationBuckets: readonly number[] = Object.freeze([
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
])
