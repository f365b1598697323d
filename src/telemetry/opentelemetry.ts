import { createRequire } from 'node:module'
import { MissingPeerError } from '../core/errors.js'
import { isAbsent } from '../core/optional-package.js'

export type { Attributes, Context, Meter, Span, Tracer } from '@opentelemetry/api'

type OpenTelemetry = typeof import('@opentelemetry/api')

const name = '@opentelemetry/api'
const require = createRequire(import.meta.url)
let loaded: OpenTelemetry | undefined

/** What all copies of the package share: who is active where. Throws `MissingPeerError`. */
export function openTelemetry(): OpenTelemetry {
  try {
    loaded ??= require(name) as OpenTelemetry // asked at each call, and looking it up takes microseconds
    return loaded
  } catch (error) {
    throw isAbsent(error, name)
      ? new MissingPeerError('Tracing with OpenTelemetry', name, '^1.9', error)
      : error
  }
}
