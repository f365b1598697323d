import { field, isObject } from '../core/foreign.js'
import type { Health } from '../model/health.js'
import type { ProviderView } from '../model/provider.js'
import type { AgentType, Entry, EntryMode, EntryStatus, Face, Telemetry } from './entry.js'

/** Where the metadata of a provider holds what its registration said and a provider has no field for. */
export const registrationKey = 'switchgear.registration'

export const agentTypes: readonly AgentType[] = Object.freeze([
  'unspecified',
  'worker',
  'scout',
  'guard',
  'analyst',
])
const modes: readonly EntryMode[] = ['http', 'embedded', 'standalone', 'grpc']
const faces: readonly Face[] = ['rest', 'grpc']

/** Plain data, kept with the provider: it outlives the server and is seen by others. */
export interface RegistrationFacts {
  readonly face: Face
  readonly name: string
  readonly location: string
  readonly mode: EntryMode
  readonly agentType: AgentType
  readonly namespace: string
  readonly cluster: string
  /** Milliseconds since the epoch. */
  readonly registeredAt: number
  /** Tells registrations of one millisecond apart. */
  readonly serial: number
  /** SHA-256 of the registration's token, as hex. */
  readonly proof: string
}

/** What this server alone has seen of an entry. */
export interface Observed {
  readonly failedChecks: number
  /** Milliseconds since the epoch; 0 for never. */
  readonly seenAt: number
}

export const unobserved: Observed = Object.freeze({ failedChecks: 0, seenAt: 0 })

interface Read {
  readonly facts: RegistrationFacts
  readonly metadata: Readonly<Record<string, unknown>>
  readonly capabilities: readonly string[]
}

/** A view's metadata is the same object as long as its provider's record is. */
const known = new WeakMap<object, Read>()

function read(view: ProviderView): Read {
  let found = known.get(view.metadata)
  if (found === undefined) {
    const { [registrationKey]: said, ...metadata } = view.metadata
    const capabilities = view.capabilities.map(({ name, version }) =>
      version === undefined ? name : `${name}@${version}`,
    )
    found = {
      facts: readFacts(said, view),
      metadata: Object.freeze(metadata),
      capabilities: Object.freeze(capabilities),
    }
    known.set(view.metadata, found)
  }
  return found
}

export const factsOf = (view: ProviderView): RegistrationFacts => read(view).facts

/** As texts, `name@version` where there is a version. */
export const capabilitiesOf = (view: ProviderView): readonly string[] => read(view).capabilities

/** Whether the server, on whatever node, registered it. */
export const isRegistration = (view: ProviderView): boolean =>
  isObject(field(view.metadata, registrationKey))

/** A store may hold anything, and providers that code registered have no facts: nothing is believed. */
function readFacts(said: unknown, { name, address }: ProviderView): RegistrationFacts {
  const text = (key: string, otherwise: string): string => {
    const value = field(said, key)
    return typeof value === 'string' ? value : otherwise
  }
  const number = (key: string): number => {
    const value = field(said, key)
    return typeof value === 'number' && Number.isFinite(value) ? value : 0
  }
  const oneOf = <T extends string>(key: string, all: readonly T[], otherwise: T): T =>
    all.find((one) => one === field(said, key)) ?? otherwise
  return Object.freeze({
    face: oneOf('face', faces, 'rest'),
    name: text('name', name),
    location: text('location', address ?? ''),
    mode: oneOf('mode', modes, 'standalone'),
    agentType: oneOf('agentType', agentTypes, 'unspecified'),
    namespace: text('namespace', 'default'),
    cluster: text('cluster', 'local'),
    registeredAt: number('registeredAt'),
    serial: number('serial'),
    proof: text('proof', ''),
  })
}

export function entryOf(view: ProviderView, observed: Observed = unobserved): Entry {
  const { facts, metadata, capabilities } = read(view)
  const { face, name, agentType, mode, location, namespace, cluster, registeredAt } = facts
  return Object.freeze({
    id: view.name,
    name,
    service: view.service,
    face,
    agentType,
    mode,
    location,
    capabilities,
    version: view.version ?? '1.0.0',
    namespace,
    cluster,
    metadata,
    telemetry: telemetryIn(view.lease?.facts),
    status: entryStatus(view.health),
    failedChecks: observed.failedChecks,
    registeredAt,
    lastSeenAt: Math.max(registeredAt, observed.seenAt, view.lease?.renewedAt ?? 0),
  })
}

export const entryStatus = (health: Health): EntryStatus => {
  if (health === 'degraded') return 'degraded'
  return health === 'unhealthy' || health === 'loading' ? 'unhealthy' : 'healthy'
}

function telemetryIn(facts: unknown): Telemetry | undefined {
  const said = field(facts, 'telemetry')
  if (!isObject(said)) return undefined
  const number = (key: keyof Telemetry): number => {
    const value = field(said, key)
    return typeof value === 'number' ? value : 0
  }
  return Object.freeze({
    successRate: number('successRate'),
    avgDurationMs: number('avgDurationMs'),
    totalExecutions: number('totalExecutions'),
    failedExecutions: number('failedExecutions'),
    lastExecutionAt: number('lastExecutionAt'),
  })
}

export function byRegistration(a: ProviderView, b: ProviderView): number {
  const [one, other] = [factsOf(a), factsOf(b)]
  return (
    one.registeredAt - other.registeredAt || one.serial - other.serial || compare(a.name, b.name)
  )
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)
