import { InvalidOptionsError } from '../core/errors.js'
import { hasMethods } from '../core/methods.js'
import type { ObservedRegistry } from './figures.js'
import { meterFigures } from './meters.js'
import type { Meter, Tracer } from './opentelemetry.js'
import { traceCalls } from './spans.js'

export interface InstrumentOptions {
  /** From `metrics.getMeter('my-app')`, after the SDK was registered: instruments made before stay silent. */
  readonly meter?: Meter | undefined
  /** From `trace.getTracer('my-app')`. */
  readonly tracer?: Tracer | undefined
  /** Services whose spans carry `gen_ai.*` attributes. Default `['llm']`. */
  readonly generative?: readonly string[] | undefined
}

/** What was set up; disposing of it ends it. */
export interface Instrumentation extends Disposable {
  /** Stops listening. Spans that are open end with their calls. */
  dispose(): void
}

/**
 * Shows a registry through OpenTelemetry: its figures through the meter, a span of each call of a
 * client, of `call` and of `stream` through the tracer, with a child for each attempt. Throws
 * `InvalidOptionsError`, `RegistryClosedError`, `MissingPeerError` when `@opentelemetry/api` is not
 * installed; then nothing has changed.
 */
export function instrument(
  registry: ObservedRegistry,
  options: InstrumentOptions,
): Instrumentation {
  const { meter, tracer, generative } = checked(options)
  const endTraces = tracer && traceCalls(registry, tracer, new Set(generative ?? ['llm']))
  let endFigures: (() => void) | undefined
  try {
    endFigures = meter && meterFigures(registry, meter)
  } catch (error) {
    endTraces?.()
    throw error
  }
  const dispose = (): void => {
    endTraces?.()
    endFigures?.()
  }
  return { dispose, [Symbol.dispose]: dispose }
}

function checked(options: InstrumentOptions): InstrumentOptions {
  const given: Readonly<Record<string, unknown>> = { ...options }
  const { meter, tracer, generative } = given
  if (meter === undefined && tracer === undefined)
    throw refused('meter', 'expected a meter of OpenTelemetry, a tracer, or both')
  if (meter !== undefined && !hasMethods(meter, 'addBatchObservableCallback'))
    throw refused('meter', 'expected a meter of OpenTelemetry, such as metrics.getMeter(name)')
  if (tracer !== undefined && !hasMethods(tracer, 'startSpan'))
    throw refused('tracer', 'expected a tracer of OpenTelemetry, such as trace.getTracer(name)')
  if (generative !== undefined && !isTexts(generative))
    throw refused('generative', 'expected a list of names of services')
  return options
}

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')

const refused = (field: string, message: string): Error =>
  new InvalidOptionsError([{ field, message }], 'instrument')
