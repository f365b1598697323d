import {
  type AttemptFollower,
  type AttemptProblem,
  type CallBegun,
  type CallEnd,
  type CallFollower,
  callChannel,
} from '../core/call-channel.js'
import { attribute, genAi, operationOf } from './attributes.js'
import {
  type Attributes,
  type Context,
  openTelemetry,
  type Span,
  type Tracer,
} from './opentelemetry.js'

/**
 * Makes one span of each logical call of a registry, and one child of each attempt. Throws
 * `MissingPeerError`. What it gives ends that; spans that are open end with their calls.
 */
export function traceCalls(
  registry: object,
  tracer: Tracer,
  generative: ReadonlySet<string>,
): () => void {
  openTelemetry()
  const onCall = (message: unknown): void => {
    const begun = message as CallBegun // nobody else writes to the channel
    if (begun.registry !== registry) return
    try {
      begun.follow(new CallSpan(tracer, begun, generative.has(begun.service)))
    } catch {
      // a tracer that throws has no span of this call
    }
  }
  callChannel.subscribe(onCall)
  return () => callChannel.unsubscribe(onCall)
}

class CallSpan implements CallFollower {
  readonly #tracer: Tracer
  readonly #span: Span
  readonly #context: Context
  readonly #name: string
  readonly #attributes: Attributes
  readonly #generative: boolean
  #attempts = 0

  constructor(tracer: Tracer, { service, method }: CallBegun, generative: boolean) {
    const { context, trace } = openTelemetry()
    const operation = generative ? operationOf(method) : undefined
    this.#tracer = tracer
    this.#name = method === undefined ? service : `${service}.${method}`
    this.#attributes = {
      [attribute.service]: service,
      ...(method !== undefined && { [attribute.method]: method }),
      ...(operation !== undefined && { [genAi.operation]: operation }),
    }
    const outer = context.active()
    this.#span = tracer.startSpan(this.#name, { attributes: this.#attributes }, outer)
    this.#context = trace.setSpan(outer, this.#span)
    this.#generative = generative
  }

  attempt(provider: string, number: number): AttemptFollower {
    this.#attempts += 1
    const attributes = {
      ...this.#attributes,
      [attribute.provider]: provider,
      [attribute.attempt]: number,
      ...(this.#generative && { [genAi.provider]: provider }),
    }
    const span = this.#tracer.startSpan(`${this.#name} attempt`, { attributes }, this.#context)
    return new AttemptSpan(span, this.#context)
  }

  ended(outcome: CallEnd): void {
    this.#span.setAttribute(attribute.attempts, this.#attempts)
    if (!outcome.ok && outcome.error !== undefined) failed(this.#span, outcome.error)
    this.#span.end()
  }
}

class AttemptSpan implements AttemptFollower {
  readonly #span: Span
  readonly #context: Context

  constructor(span: Span, outer: Context) {
    this.#span = span
    this.#context = openTelemetry().trace.setSpan(outer, span)
  }

  within(run: () => void): void {
    openTelemetry().context.with(this.#context, run)
  }

  ended(problem: AttemptProblem | undefined): void {
    if (problem !== undefined) {
      this.#span.setAttribute(attribute.cause, problem.cause)
      if (problem.error !== undefined) failed(this.#span, problem.error)
    }
    this.#span.end()
  }
}

/** A message may be a whole page of HTML. */
const longestMessage = 1_024

function failed(span: Span, error: unknown): void {
  const { name, message } = said(error)
  span.setAttribute(attribute.errorType, name)
  span.recordException({ name, message })
  span.setStatus({ code: openTelemetry().SpanStatusCode.ERROR, message })
}

function said(error: unknown): { readonly name: string; readonly message: string } {
  if (error instanceof Error)
    return { name: error.name, message: String(error.message).slice(0, longestMessage) }
  return { name: typeof error, message: String(error).slice(0, longestMessage) }
}
