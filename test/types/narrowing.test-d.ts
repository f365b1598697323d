import { expectTypeOf } from 'vitest'
import {
  AllProvidersFailedError,
  type AttemptFailure,
  type Cause,
  type ErrorCode,
  type Explanation,
  type Health,
  isSwitchgearError,
  NoProviderError,
  type ProviderView,
  type Refusal,
  type RegistryEvent,
  type RegistryEventOf,
  type RegistryEventType,
  ServiceRegistry,
  type SwitchgearError,
} from '../../src/index.js'

const registry = new ServiceRegistry()

// --- events, by type ---------------------------------------------------------------------------

registry.on('provider.changed', (event) => {
  expectTypeOf(event).toEqualTypeOf<RegistryEventOf<'provider.changed'>>()
  expectTypeOf(event.previous).toEqualTypeOf<ProviderView>()
})
registry.on('provider.health-changed', ({ previous, health }) => {
  expectTypeOf(previous).toEqualTypeOf<Health>()
  expectTypeOf(health).toEqualTypeOf<Health>()
})
registry.on('call.failed', ({ cause, error, durationMs }) => {
  expectTypeOf(cause).toEqualTypeOf<Cause>()
  expectTypeOf(error).toEqualTypeOf<unknown>()
  expectTypeOf(durationMs).toEqualTypeOf<number>()
})
expectTypeOf(registry.on('circuit.closed', () => {})).toEqualTypeOf<() => void>()
// @ts-expect-error no such event
registry.on('provider.vanished', () => {})
// @ts-expect-error a closed circuit has no cause
registry.on('circuit.closed', ({ cause }) => cause)

declare const event: RegistryEvent
switch (event.type) {
  case 'circuit.opened':
    expectTypeOf(event.reason).toEqualTypeOf<string>()
    expectTypeOf(event.retryAfterMs).toEqualTypeOf<number>()
    break
  case 'call.refused':
    expectTypeOf(event.refusal).toEqualTypeOf<Refusal>()
    break
  case 'stand-in.used':
    // @ts-expect-error nobody's provider
    event.provider
    break
  case 'listener.failed':
    expectTypeOf(event.event).toEqualTypeOf<string>()
}
expectTypeOf(event.type).toEqualTypeOf<RegistryEventType>()

// --- refusals, by reason -----------------------------------------------------------------------

declare const refusal: Refusal
if (refusal.reason === 'incapable') expectTypeOf(refusal.missing).toEqualTypeOf<readonly string[]>()
else if (refusal.reason === 'excluded') expectTypeOf(refusal.constraint).toEqualTypeOf<string>()
else if (refusal.reason === 'circuit-open' || refusal.reason === 'cooling')
  expectTypeOf(refusal.retryAfterMs).toEqualTypeOf<number>()
else {
  expectTypeOf(refusal.reason).toEqualTypeOf<
    'unhealthy' | 'loading' | 'saturated' | 'connecting' | 'draining'
  >()
  // @ts-expect-error nobody knows when
  refusal.retryAfterMs
}

declare const explanation: Explanation
for (const { verdict } of explanation.candidates)
  if (typeof verdict === 'string') expectTypeOf(verdict).toEqualTypeOf<'chosen' | 'eligible'>()
  else expectTypeOf(verdict).toEqualTypeOf<Refusal>()

// --- errors, by class and by code --------------------------------------------------------------

declare const thrown: unknown
if (isSwitchgearError(thrown)) {
  expectTypeOf(thrown).toEqualTypeOf<SwitchgearError>()
  expectTypeOf(thrown.code).toEqualTypeOf<ErrorCode>()
  expectTypeOf(thrown.retryable).toEqualTypeOf<boolean>()
  // @ts-expect-error no such code
  if (thrown.code === 'SWITCHGEAR_NONE') throw thrown
}
if (thrown instanceof NoProviderError) {
  expectTypeOf<(typeof thrown)['code']>().toEqualTypeOf<'SWITCHGEAR_NO_PROVIDER'>()
  expectTypeOf(thrown.retryAfterMs).toEqualTypeOf<number | undefined>()
  expectTypeOf(thrown).toExtend<SwitchgearError>()
}
if (thrown instanceof AllProvidersFailedError) {
  expectTypeOf(thrown).toExtend<AggregateError>()
  expectTypeOf(thrown.attempts).toEqualTypeOf<readonly AttemptFailure[]>()
}
