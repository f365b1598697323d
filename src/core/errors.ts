/** Every code there is. The error reference is tested against this list. */
export const errorCodes = [
  'SWITCHGEAR_NO_PROVIDER',
  'SWITCHGEAR_CIRCUIT_OPEN',
  'SWITCHGEAR_CALL_TIMEOUT',
  'SWITCHGEAR_SATURATED',
  'SWITCHGEAR_UNAVAILABLE',
  'SWITCHGEAR_ALL_PROVIDERS_FAILED',
  'SWITCHGEAR_INVALID_REGISTRATION',
  'SWITCHGEAR_INVALID_REQUEST',
  'SWITCHGEAR_INVALID_OPTIONS',
  'SWITCHGEAR_DUPLICATE_PROVIDER',
  'SWITCHGEAR_STRATEGY_CONFLICT',
  'SWITCHGEAR_STRATEGY_FAILED',
  'SWITCHGEAR_UNKNOWN_PROVIDER',
  'SWITCHGEAR_UNKNOWN_CAPABILITY',
  'SWITCHGEAR_DEPENDENCY_CYCLE',
  'SWITCHGEAR_UNSUPPORTED_SNAPSHOT',
  'SWITCHGEAR_CORRUPT_SNAPSHOT',
  'SWITCHGEAR_STORE_IN_USE',
  'SWITCHGEAR_STORE_FAILED',
  'SWITCHGEAR_REGISTRY_CLOSED',
  'SWITCHGEAR_FORBIDDEN_ADDRESS',
  'SWITCHGEAR_HTTP_FAILED',
  'SWITCHGEAR_MISSING_PEER',
  'SWITCHGEAR_BACKEND_FAILED',
  'SWITCHGEAR_OPERATION_REFUSED',
] as const

export type ErrorCode = (typeof errorCodes)[number]

/** Shared through the global symbol registry, so that two copies of this package know each other's errors. */
const brand = Symbol.for('switchgear.error')

/** The root of every error this package throws. `code` is stable; the message may improve. */
export abstract class SwitchgearError extends Error {
  abstract readonly code: ErrorCode
  /** Whether waiting alone may help. */
  abstract readonly retryable: boolean

  /** `instanceof SwitchgearError` holds for `AllProvidersFailedError` too, which extends `AggregateError`. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: subclasses inherit this and mean themselves
    return this === SwitchgearError
      ? isSwitchgearError(value)
      : // biome-ignore lint/complexity/noThisInStatic: as above
        Function.prototype[Symbol.hasInstance].call(this, value)
  }
}

/** Unlike `instanceof`, holds across two copies of this package. */
export function isSwitchgearError(value: unknown): value is SwitchgearError {
  return typeof value === 'object' && value !== null && brand in value && value instanceof Error
}

/** The circuit of this one provider refuses calls for now. */
export class CircuitOpenError extends SwitchgearError {
  override readonly name = 'CircuitOpenError'
  readonly code = 'SWITCHGEAR_CIRCUIT_OPEN'
  readonly retryable = true
  readonly provider: string
  readonly state: 'open' | 'half-open'
  /** Milliseconds until it may be tried again; Infinity while it is isolated. */
  readonly retryAfterMs: number

  constructor(provider: string, state: 'open' | 'half-open', retryAfterMs: number) {
    super(`Circuit breaker '${provider}' is ${state}, service unavailable`)
    this.provider = provider
    this.state = state
    this.retryAfterMs = retryAfterMs
  }
}

/** The provider did not answer in time. Its work may still be going on. */
export class CallTimeoutError extends SwitchgearError {
  override readonly name = 'CallTimeoutError'
  readonly code = 'SWITCHGEAR_CALL_TIMEOUT'
  readonly retryable = true
  readonly provider: string
  readonly timeoutMs: number
  /** Which limit was reached. */
  readonly limit: 'call' | 'first-chunk' | 'idle' | 'budget'

  constructor(provider: string, timeoutMs: number, limit: CallTimeoutError['limit'] = 'call') {
    super(`${limitText[limit](provider)} within ${timeoutMs} ms`)
    this.provider = provider
    this.timeoutMs = timeoutMs
    this.limit = limit
  }
}

const limitText: Record<CallTimeoutError['limit'], (name: string) => string> = {
  call: (name) => `Provider '${name}' did not answer`,
  'first-chunk': (name) => `The stream of provider '${name}' did not begin`,
  idle: (name) => `The stream of provider '${name}' sent nothing more`,
  budget: (name) => `The call to '${name}' did not finish, retries included,`,
}

/** The provider already has as many calls in flight as its `concurrency` allows. */
export class SaturatedError extends SwitchgearError {
  override readonly name = 'SaturatedError'
  readonly code = 'SWITCHGEAR_SATURATED'
  readonly retryable = true
  readonly provider: string
  readonly concurrency: number

  constructor(provider: string, concurrency: number) {
    super(
      `Provider '${provider}' already has ${concurrency} calls in flight, as many as its concurrency allows; wait for one to end or raise it`,
    )
    this.provider = provider
    this.concurrency = concurrency
  }
}

/** A guarded instance whose provider is not admitted for another reason than its circuit. */
export class UnavailableError extends SwitchgearError {
  override readonly name = 'UnavailableError'
  readonly code = 'SWITCHGEAR_UNAVAILABLE'
  readonly provider: string
  readonly reason: 'cooling' | 'draining'
  readonly retryAfterMs: number | undefined

  constructor(provider: string, reason: UnavailableError['reason'], retryAfterMs?: number) {
    super(unavailableText[reason](provider, retryAfterMs))
    this.provider = provider
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }

  get retryable(): boolean {
    return this.reason !== 'draining'
  }
}

const unavailableText: Record<UnavailableError['reason'], (name: string, ms?: number) => string> = {
  cooling: (name, ms) =>
    `Provider '${name}' asked for a pause and rests for ${Math.ceil(ms ?? 0)} ms; ask the registry for another one or wait`,
  draining: (name) =>
    `Provider '${name}' was unregistered or is draining and admits no new calls; ask the registry for another one`,
}

/** What went wrong in one attempt of a call. */
export interface AttemptFailure {
  readonly provider: string
  readonly cause: string
  readonly durationMs: number
  readonly error: unknown
}

/** Every attempt of a call failed. `errors` holds what each provider threw, `attempts` the facts. */
export class AllProvidersFailedError extends AggregateError {
  override readonly name = 'AllProvidersFailedError'
  readonly code = 'SWITCHGEAR_ALL_PROVIDERS_FAILED'
  readonly retryable: boolean
  readonly service: string
  readonly attempts: readonly AttemptFailure[]

  constructor(service: string, attempts: readonly AttemptFailure[]) {
    super(
      attempts.map(({ error }) => error),
      `All ${attempts.length} attempts to call "${service}" failed: ${attempts.map(attemptText).join('; ')}`,
      { cause: attempts.at(-1)?.error },
    )
    this.service = service
    this.attempts = attempts
    this.retryable = attempts.some(mayPass)
  }
}

const mayPass = ({ cause, error }: AttemptFailure): boolean =>
  cause !== 'bad-request' &&
  cause !== 'auth' &&
  !(isSwitchgearError(error) && error.code === 'SWITCHGEAR_MISSING_PEER')

for (const { prototype } of [SwitchgearError, AllProvidersFailedError])
  Object.defineProperty(prototype, brand, { value: true })

function attemptText({ provider, cause, durationMs, error }: AttemptFailure): string {
  return `${provider} ${cause} after ${Math.round(durationMs)} ms (${oneLine(error)})`
}

/** One readable line about anything that was thrown, hostile objects included. */
export function oneLine(error: unknown): string {
  try {
    const text = error instanceof Error ? error.message || error.name : String(error)
    const line = text.split('\n', 1)[0] ?? ''
    return line.length > 200 ? `${line.slice(0, 199)}…` : line
  } catch {
    return 'an error that cannot be printed'
  }
}

/** One thing that is wrong with an input: where, and what was expected instead of what. */
export interface InputIssue {
  /** Such as `capabilities[1].name`; empty for the input as a whole. */
  readonly field: string
  readonly message: string
}

abstract class InvalidInputError extends SwitchgearError {
  readonly retryable = false
  readonly issues: readonly InputIssue[]

  constructor(what: string, issues: readonly InputIssue[]) {
    super(
      [
        `Invalid ${what}:`,
        ...issues.map(({ field, message }) => `  ${field || 'it'}: ${message}`),
      ].join('\n'),
    )
    this.issues = issues
  }
}

export class InvalidRegistrationError extends InvalidInputError {
  override readonly name = 'InvalidRegistrationError'
  readonly code = 'SWITCHGEAR_INVALID_REGISTRATION'

  constructor(issues: readonly InputIssue[], what = 'registration') {
    super(what, issues)
  }
}

export class InvalidRequestError extends InvalidInputError {
  override readonly name = 'InvalidRequestError'
  readonly code = 'SWITCHGEAR_INVALID_REQUEST'

  constructor(issues: readonly InputIssue[], what = 'service request') {
    super(what, issues)
  }
}

export class InvalidOptionsError extends InvalidInputError {
  override readonly name = 'InvalidOptionsError'
  readonly code = 'SWITCHGEAR_INVALID_OPTIONS'

  constructor(issues: readonly InputIssue[], what = 'options') {
    super(what, issues)
  }
}

/** The name is taken. */
export class DuplicateProviderError extends SwitchgearError {
  override readonly name = 'DuplicateProviderError'
  readonly code = 'SWITCHGEAR_DUPLICATE_PROVIDER'
  readonly retryable = false
  readonly provider: string

  constructor(provider: string, service: string) {
    super(
      `A provider named '${provider}' is already registered for "${service}"; choose another name, unregister it first, or register with replace: true`,
    )
    this.provider = provider
  }
}

/** A group has one strategy, and this registration names another. */
export class StrategyConflictError extends SwitchgearError {
  override readonly name = 'StrategyConflictError'
  readonly code = 'SWITCHGEAR_STRATEGY_CONFLICT'
  readonly retryable = false
  readonly service: string
  readonly group: number
  readonly existing: string
  readonly requested: string

  constructor(service: string, scope: string, group: number, existing: string, requested: string) {
    super(
      `Group ${group} of "${service}" for ${scope} uses the strategy '${existing}', so '${requested}' cannot be set; leave the strategy out to inherit it, or use another group`,
    )
    this.service = service
    this.group = group
    this.existing = existing
    this.requested = requested
  }
}

/** A plug-in strategy threw, or picked something that was not offered. */
export class StrategyFailedError extends SwitchgearError {
  override readonly name = 'StrategyFailedError'
  readonly code = 'SWITCHGEAR_STRATEGY_FAILED'
  readonly retryable = false
  readonly strategy: string

  constructor(strategy: string, what: string, options?: ErrorOptions) {
    super(`The strategy '${strategy}' ${what}`, options)
    this.strategy = strategy
  }
}

/** Nothing is registered under this name. */
export class UnknownProviderError extends SwitchgearError {
  override readonly name = 'UnknownProviderError'
  readonly code = 'SWITCHGEAR_UNKNOWN_PROVIDER'
  readonly retryable = false
  readonly provider: string

  constructor(provider: string) {
    super(`No provider named '${provider}' is registered; registry.list() shows those that are`)
    this.provider = provider
  }
}

/** No capability of this name is defined. */
export class UnknownCapabilityError extends SwitchgearError {
  override readonly name = 'UnknownCapabilityError'
  readonly code = 'SWITCHGEAR_UNKNOWN_CAPABILITY'
  readonly retryable = false
  readonly capability: string

  constructor(capability: string) {
    super(
      `No capability '${capability}' is defined; registry.capabilities.list() shows those that are, define() adds one`,
    )
    this.capability = capability
  }
}

/** Providers that would each wait for the other. */
export class DependencyCycleError extends SwitchgearError {
  override readonly name = 'DependencyCycleError'
  readonly code = 'SWITCHGEAR_DEPENDENCY_CYCLE'
  readonly retryable = false
  /** Provider names, each depending on the next, the last on the first. */
  readonly cycle: readonly string[]

  constructor(cycle: readonly string[]) {
    super(
      `Dependencies must not form a circle, and these would: ${[...cycle, cycle[0]].join(' -> ')}. Leave out one of them`,
    )
    this.cycle = cycle
  }
}

/** A snapshot of a schema that this version cannot read. Nothing was changed. */
export class UnsupportedSnapshotError extends SwitchgearError {
  override readonly name = 'UnsupportedSnapshotError'
  readonly code = 'SWITCHGEAR_UNSUPPORTED_SNAPSHOT'
  readonly retryable = false
  readonly schemaVersion: string

  constructor(version: string, readable: readonly string[], from?: string) {
    super(
      `Unsupported registry version: ${version}${from === undefined ? '' : ` (in ${from})`}. This version of switchgear reads ${readable.join(', ')}; update switchgear, or give a migration. Nothing was changed`,
    )
    this.schemaVersion = version
  }
}

/** A snapshot, or a file of a store, that is damaged. Nothing of it was taken over. */
export class CorruptSnapshotError extends SwitchgearError {
  override readonly name = 'CorruptSnapshotError'
  readonly code = 'SWITCHGEAR_CORRUPT_SNAPSHOT'
  readonly retryable = false
  /** One line per wrong entry and field; empty when it could not be read at all. */
  readonly issues: readonly InputIssue[]
  /** Where the damaged file was kept. */
  readonly keptAs: string | undefined

  constructor(
    what: string,
    facts: {
      readonly issues?: readonly InputIssue[]
      readonly keptAs?: string
      readonly cause?: unknown
    } = {},
  ) {
    const { issues = [], keptAs, cause } = facts
    const lines = issues.map(({ field, message }) => `\n  ${field || 'it'}: ${message}`)
    const kept =
      keptAs === undefined
        ? ''
        : `\n  It was kept as ${keptAs}; repair it and put it back, or go on without it`
    super(`${what}${lines.join('')}${kept}`, cause === undefined ? undefined : { cause })
    this.issues = issues
    this.keptAs = keptAs
  }
}

/** Another process writes to this store. */
export class StoreInUseError extends SwitchgearError {
  override readonly name = 'StoreInUseError'
  readonly code = 'SWITCHGEAR_STORE_IN_USE'
  readonly retryable = true
  readonly store: string
  /** Who holds it, as far as is known, such as `process 4711 on host-1`. */
  readonly owner: string

  constructor(store: string, owner: string, hint: string) {
    super(`${store} is in use by ${owner}, so nothing is read or written here; ${hint}`)
    this.store = store
    this.owner = owner
  }
}

/** A store could not write. What was not written stays in memory and is tried again. */
export class StoreFailedError extends SwitchgearError {
  override readonly name = 'StoreFailedError'
  readonly code = 'SWITCHGEAR_STORE_FAILED'
  readonly retryable = true
  readonly store: string

  constructor(store: string, what: string, cause?: unknown) {
    super(`${store} ${what}${cause === undefined ? '' : `: ${oneLine(cause)}`}`, { cause })
    this.store = store
  }
}

/** The registry was closed. */
export class RegistryClosedError extends SwitchgearError {
  override readonly name = 'RegistryClosedError'
  readonly code = 'SWITCHGEAR_REGISTRY_CLOSED'
  readonly retryable = false

  constructor(what: string) {
    super(`Cannot ${what}: the registry was closed; make a new ServiceRegistry`)
  }
}

/** Why an address is not connected to. `not-listed` is the one that an allow-list can change. */
export type ForbiddenReason =
  | 'not-a-url'
  | 'scheme'
  | 'port'
  | 'user-info'
  | 'host'
  | 'metadata'
  | 'link-local'
  | 'unspecified'
  | 'multicast'
  | 'broadcast'
  | 'documentation'
  | 'embedded-ipv4'
  | 'reserved'
  | 'not-listed'

/** Nothing was sent: the address is none that may be connected to. */
export class ForbiddenAddressError extends SwitchgearError {
  override readonly name = 'ForbiddenAddressError'
  readonly code = 'SWITCHGEAR_FORBIDDEN_ADDRESS'
  readonly retryable = false
  /** The IP address, or what was given when it did not come that far. User-info is masked. */
  readonly address: string
  readonly reason: ForbiddenReason
  /** The name that leads to the address, if it was given as a name. */
  readonly hostname: string | undefined

  constructor(address: string, reason: ForbiddenReason, hostname?: string) {
    const shown = oneLine(address.replace(/\/\/[^/?#]*@/, '//***@'))
    const via = hostname === undefined ? '' : `, which '${oneLine(hostname)}' leads to,`
    super(`Refused to connect to '${shown}'${via} because ${forbiddenText[reason]}`)
    this.address = shown
    this.reason = reason
    this.hostname = hostname
  }
}

const never = 'so nothing ever connects to it; give another address'

const forbiddenText: Readonly<Record<ForbiddenReason, string>> = {
  'not-a-url': 'it is no URL; give one such as http://127.0.0.1:8188/path',
  scheme: 'only http, https, ws and wss are spoken; give one such as http://127.0.0.1:8188/path',
  port: 'a port is a whole number from 1 to 65535',
  'user-info': 'it has a user name or password in it; give credentials as a header',
  host: 'its host is neither a name nor an IP address',
  metadata: `clouds give away credentials there, ${never}`,
  'link-local': `it is link-local, where clouds give away credentials, ${never}`,
  unspecified: `it is the unspecified address, ${never}, such as 127.0.0.1`,
  multicast: `it is a multicast address, ${never}`,
  broadcast: `it is the broadcast address, ${never}`,
  documentation: `it is reserved for documentation, ${never}`,
  'embedded-ipv4': `it hides an IPv4 address inside an IPv6 one, ${never}: the IPv4 address itself`,
  reserved: `it is reserved for other uses, ${never}`,
  'not-listed':
    'it is neither loopback nor private as far as allowed, nor on the allow-list; add the name or the network to `allow` if you trust it',
}

/** Why there is no answer over HTTP. */
export type HttpFailure =
  | 'refused'
  | 'timeout'
  | 'dns'
  | 'reset'
  | 'too-large'
  | 'forbidden'
  | 'aborted'
  | 'tls'
  | 'protocol'
  | 'status'

/** A request over HTTP has no answer that could be used; `kind` says why, `cause` has the evidence. */
export class HttpError extends SwitchgearError {
  override readonly name = 'HttpError'
  readonly code = 'SWITCHGEAR_HTTP_FAILED'
  readonly kind: HttpFailure
  /** Without user-info and query, which may hold secrets. */
  readonly url: string
  /** Of the answer, where there was one. */
  readonly status: number | undefined
  /** Of the answer, as far as they say when to come again, such as `retry-after`; names in lower case. */
  readonly headers: Readonly<Record<string, string>> | undefined

  constructor(
    kind: HttpFailure,
    url: string,
    what: string,
    facts: {
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      readonly cause?: unknown
    } = {},
  ) {
    super(`${url} ${what}`, 'cause' in facts ? { cause: facts.cause } : undefined)
    this.kind = kind
    this.url = url
    this.status = facts.status
    this.headers = facts.headers
  }

  get retryable(): boolean {
    return ['refused', 'timeout', 'dns', 'reset'].includes(this.kind)
  }
}

/** What was asked for needs a package that is not installed. */
export class MissingPeerError extends SwitchgearError {
  override readonly name = 'MissingPeerError'
  readonly code = 'SWITCHGEAR_MISSING_PEER'
  readonly retryable = false
  readonly packageName: string
  /** What `npm install` takes in a shell, such as `ioredis@^5.4`. */
  readonly install: string

  /** `range` is one that npm understands, such as `^1.14`. */
  constructor(what: string, packageName: string, range: string, cause?: unknown) {
    const install = inShell(`${packageName}@${range}`)
    super(
      `${what} needs the package ${packageName}, which is not installed; run: npm install ${install}`,
      { cause },
    )
    this.packageName = packageName
    this.install = install
  }
}

/** A range may have `||` and spaces. */
const inShell = (text: string): string => (/[ |<>*]/.test(text) ? `"${text}"` : text)

/** A program was asked, understood, and says that it failed or that it was asked for something impossible. */
export class BackendError extends SwitchgearError {
  override readonly name = 'BackendError'
  readonly code = 'SWITCHGEAR_BACKEND_FAILED'
  /** Without user-info and query, which may hold secrets. */
  readonly url: string
  /** As in HTTP, where the program has told which: 400 and the like are the caller's mistake. */
  readonly status: number | undefined
  /** What the program says about it, such as the nodes of a workflow that are wrong. */
  readonly details: unknown

  constructor(
    url: string,
    what: string,
    facts: {
      readonly status?: number
      readonly details?: unknown
      readonly cause?: unknown
    } = {},
  ) {
    super(`${url} ${what}`, 'cause' in facts ? { cause: facts.cause } : undefined)
    this.url = url
    this.status = facts.status
    this.details = facts.details
  }

  get retryable(): boolean {
    return this.status === undefined || this.status >= 500
  }
}
