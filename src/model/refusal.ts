import { SwitchgearError } from '../core/errors.js'

/** Why one provider was passed over. */
export type Refusal =
  | { readonly reason: 'incapable'; readonly missing: readonly string[] }
  | { readonly reason: 'excluded'; readonly constraint: string }
  | { readonly reason: 'unhealthy' }
  | { readonly reason: 'loading' }
  | { readonly reason: 'circuit-open'; readonly retryAfterMs: number }
  | { readonly reason: 'cooling'; readonly retryAfterMs: number }
  | { readonly reason: 'saturated' }
  /** With `why` it stays so: it cannot be connected in this process. */
  | { readonly reason: 'connecting'; readonly why?: string }
  | { readonly reason: 'draining' }

/** A refusal and the provider it is about. */
export type ProviderRefusal = { readonly provider: string } & Refusal

/** Until something changes by itself, at most so many refusals are spelled out in a message. */
const spelledOut = 10

/** No provider could take the call. `refusals` holds a reason for each one considered. */
export class NoProviderError extends SwitchgearError {
  override readonly name = 'NoProviderError'
  readonly code = 'SWITCHGEAR_NO_PROVIDER'
  readonly service: string
  readonly refusals: readonly ProviderRefusal[]
  /** Milliseconds until the first of them may be admitted again, where that is known. */
  readonly retryAfterMs: number | undefined

  constructor(service: string, refusals: readonly ProviderRefusal[], asked: Asked = {}) {
    super(`No provider of "${service}" can take this call: ${summary(refusals, asked)}`)
    this.service = service
    this.refusals = refusals
    const waits = refusals.map(waitOf).filter((ms) => ms !== undefined)
    this.retryAfterMs = waits.length === 0 ? undefined : Math.min(...waits)
  }

  /** Who is incapable, excluded, isolated or lacks a package stays so; every other refusal may pass by itself. */
  get retryable(): boolean {
    return this.refusals.some(mayPass)
  }
}

/** What the message of an empty list can say besides. */
interface Asked {
  readonly requires?: readonly string[]
  /** Handlers that do have providers of the service. */
  readonly elsewhere?: readonly string[]
}

function summary(
  refusals: readonly ProviderRefusal[],
  { requires = [], elsewhere = [] }: Asked,
): string {
  if (refusals.length === 0) {
    const asked = requires.length === 0 ? '' : ` (asked for ${requires.join(', ')})`
    return elsewhere.length === 0
      ? `none is registered${asked}. Register one, or check the service and handler names.`
      : `none is registered for this request${asked}, only for ${elsewhere.join(', ')}. Name that handler, or register one for everyone.`
  }
  const more = refusals.length - spelledOut
  const listed = refusals.slice(0, spelledOut).map(refusalText).join('; ')
  return more > 0 ? `${listed}; and ${more} more.` : `${listed}.`
}

function mayPass(refusal: Refusal): boolean {
  if (refusal.reason === 'circuit-open') return Number.isFinite(refusal.retryAfterMs)
  if (refusal.reason === 'connecting') return refusal.why === undefined
  return refusal.reason !== 'incapable' && refusal.reason !== 'excluded'
}

function waitOf(refusal: Refusal): number | undefined {
  return 'retryAfterMs' in refusal && Number.isFinite(refusal.retryAfterMs)
    ? refusal.retryAfterMs
    : undefined
}

export function refusalText(refusal: ProviderRefusal): string {
  const { provider } = refusal
  switch (refusal.reason) {
    case 'incapable':
      return `${provider} lacks ${refusal.missing.join(', ')}`
    case 'excluded':
      return refusal.constraint === 'exclude'
        ? `the request excludes ${provider}`
        : `${provider} does not match ${refusal.constraint}`
    case 'unhealthy':
      return `${provider} is unhealthy`
    case 'loading':
      return `${provider} is still loading`
    case 'circuit-open':
      return Number.isFinite(refusal.retryAfterMs)
        ? `the circuit of ${provider} is open for another ${Math.ceil(refusal.retryAfterMs)} ms`
        : `${provider} is isolated until its circuit is reset`
    case 'cooling':
      return `${provider} asked for a pause of another ${Math.ceil(refusal.retryAfterMs)} ms`
    case 'saturated':
      return `${provider} has no free slot`
    case 'connecting':
      return refusal.why === undefined
        ? `${provider} is not connected yet`
        : `${provider} cannot be connected: ${refusal.why}`
    case 'draining':
      return `${provider} is draining`
  }
}
