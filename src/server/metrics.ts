import type { Clock } from '../core/clock.js'
import { isSwitchgearError } from '../core/errors.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { OperationResult } from '../telemetry/index.js'
import type { Entry } from './entry.js'
import { OperationError } from './operation-error.js'

/** Hears how operations went. */
export interface Observer {
  observe(
    operation: 'register' | 'heartbeat' | 'discover',
    result: OperationResult,
    seconds: number,
  ): void
}

export interface Metrics extends Observer, Disposable {
  read(): Promise<{ readonly text: string; readonly contentType: string }>
}

/** What Prometheus is shown: the registry's own figures, and those of the server. */
export async function createMetrics(
  registry: ServiceRegistry,
  entries: () => readonly Entry[],
): Promise<Metrics> {
  const { prometheus, serverMetrics } = await import('../telemetry/index.js')
  const shown = prometheus(registry)
  const server = serverMetrics(
    () => entries().map(({ agentType, status }) => ({ agentType, status, count: 1 })),
    shown.register,
  )
  const counts = {
    register: server.registered,
    heartbeat: server.heartbeat,
    discover: server.discovered,
  }
  return {
    read: async () => ({ text: await shown.text(), contentType: shown.contentType }),
    observe(operation, result, seconds) {
      counts[operation](result)
      server.took(operation, seconds)
    },
    [Symbol.dispose]() {
      server.dispose()
      shown.dispose()
    },
  }
}

interface Timed {
  readonly clock: Clock
  readonly observer: Observer
}

type Operation = Parameters<Observer['observe']>[0]

/** Tells how `work` went, and how long it took. */
export function observed<T>(by: Timed, operation: Operation, work: () => T): T {
  const tell = timing(by, operation)
  try {
    const result = work()
    tell('ok')
    return result
  } catch (error) {
    tell(resultOf(error))
    throw error
  }
}

/** The same for work that is waited for. */
export async function observedLater<T>(
  by: Timed,
  operation: Operation,
  work: () => Promise<T>,
): Promise<T> {
  const tell = timing(by, operation)
  try {
    const result = await work()
    tell('ok')
    return result
  } catch (error) {
    tell(resultOf(error))
    throw error
  }
}

function timing({ clock, observer }: Timed, operation: Operation) {
  const begun = clock.now()
  return (result: OperationResult): void =>
    observer.observe(operation, result, (clock.now() - begun) / 1_000)
}

/** A refusal that is not the caller's mistake is ours. */
const resultOf = (error: unknown): OperationResult =>
  error instanceof OperationError
    ? error.kind === 'internal'
      ? 'failed'
      : 'refused'
    : isSwitchgearError(error)
      ? 'refused'
      : 'failed'
