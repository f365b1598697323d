import { field, isObject, nameOf } from '../../core/foreign.js'
import type { Health } from '../../model/health.js'
import type { Sighting } from '../../model/sighting.js'
import { type LookUpOptions, listOf, toSightings, unique } from './look-up.js'

export interface SliceOptions extends LookUpOptions {
  /** What Kubernetes services are providers of, by their names there. */
  readonly targets: ReadonlyMap<string, string>
  /** The port, by its name or number. */
  readonly port?: string | number | undefined
}

/** What one slice holds, and the name it goes by when it is changed or deleted. */
export interface Slice {
  readonly id: string
  readonly found: readonly FoundEndpoint[]
}

interface FoundEndpoint {
  readonly sighting: Sighting
  /** The same pod is in a slice of each address family. */
  readonly pod: string | undefined
  readonly isIPv4: boolean
}

const nameLabel = 'kubernetes.io/service-name'
const mostEndpoints = 1_000

/** Reads an EndpointSlice of discovery.k8s.io/v1; `undefined` when it is none of the services looked for. */
export function readSlice(object: unknown, options: SliceOptions): Slice | undefined {
  const id = nameOf(field(object, 'metadata', 'name'))
  const service = options.targets.get(labelOf(object, nameLabel) ?? '')
  if (id === undefined || service === undefined) return undefined
  const endpoints = field(object, 'endpoints')
  const port = portOf(field(object, 'ports'), options.port)
  if (!Array.isArray(endpoints) || port === undefined) return { id, found: [] }
  const isIPv4 = field(object, 'addressType') === 'IPv4'
  const common = { service, port, ...declared(object) }
  const found = endpoints.slice(0, mostEndpoints).flatMap((endpoint: unknown) => {
    const addresses = field(endpoint, 'addresses')
    const host = Array.isArray(addresses) ? nameOf(addresses[0]) : undefined // all are the same one
    if (host === undefined) return []
    const health = healthOf(field(endpoint, 'conditions'))
    const metadata = metadataOf(object, endpoint)
    const pod = nameOf(field(endpoint, 'targetRef', 'uid'))
    const sightings = toSightings({ ...common, host, health, metadata }, options)
    return sightings.map((sighting) => ({ sighting, pod, isIPv4 }))
  })
  return { id, found }
}

/**
 * All slices as one list. An endpoint may be in several slices while it moves between them, and a pod
 * with two addresses is one provider: at its IPv4 address.
 */
export function merged(slices: Iterable<Slice>): readonly Sighting[] {
  const all = [...slices].sort(byId).flatMap(({ found }) => found)
  const pods = new Map(all.map(({ sighting, pod }) => [sighting.name, pod]))
  const isFour = ({ isIPv4 }: FoundEndpoint): boolean => isIPv4
  const inOrder = [...all.filter(isFour), ...all.filter((one) => !isFour(one))]
  const byAddress = unique(inOrder.map(({ sighting }) => sighting))
  return unique(byAddress, ({ service, name }) => {
    const pod = pods.get(name)
    return pod === undefined ? name : `${service} ${pod}`
  })
}

const byId = (one: Slice, other: Slice): number =>
  Number(one.id > other.id) - Number(one.id < other.id)

/** By name or number; else the only TCP port, the one named http, or the first. */
function portOf(ports: unknown, wanted: string | number | undefined): number | undefined {
  const all = Array.isArray(ports) ? ports.filter(isTcp) : []
  const numbers = all.flatMap((port) => {
    const number = field(port, 'port')
    return typeof number === 'number' ? [{ name: field(port, 'name') ?? '', number }] : []
  })
  // A port without a number stands for every port.
  if (typeof wanted === 'number') {
    const isOpen = all.some((port) => (field(port, 'port') ?? wanted) === wanted)
    return isOpen || all.length === 0 ? wanted : undefined
  }
  if (wanted !== undefined) return numbers.find(({ name }) => name === wanted)?.number
  return (numbers.find(({ name }) => name === 'http') ?? numbers[0])?.number
}

const isTcp = (port: unknown): boolean =>
  isObject(port) && (field(port, 'protocol') ?? 'TCP') === 'TCP'

/** Not said is ready. One that is ending still answers, but is not to be asked anything new. */
function healthOf(conditions: unknown): Health {
  const isEnding = field(conditions, 'terminating') === true
  const isReady = (field(conditions, 'ready') ?? true) === true
  return isReady && !isEnding ? 'healthy' : 'unhealthy'
}

/** What labels of the Service say, which Kubernetes copies to its slices, or annotations of the slice. */
function declared(object: unknown) {
  const annotated = field(object, 'metadata', 'annotations', 'switchgear/capabilities')
  // No comma may be in the value of a label.
  const labelled = labelOf(object, 'switchgear/capabilities')
  return {
    capabilities: annotated === undefined ? listOf(labelled, '.') : listOf(annotated),
    version: labelOf(object, 'app.kubernetes.io/version'),
  }
}

const labelOf = (object: unknown, label: string): string | undefined =>
  nameOf(field(object, 'metadata', 'labels', label))

function metadataOf(object: unknown, endpoint: unknown): Readonly<Record<string, string>> {
  const facts = {
    namespace: field(object, 'metadata', 'namespace'),
    pod: field(endpoint, 'targetRef', 'name'),
    node: field(endpoint, 'nodeName'),
    zone: field(endpoint, 'zone'),
  }
  const named = Object.entries(facts).map(([key, value]) => [key, nameOf(value)] as const)
  return Object.fromEntries(
    named.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )
}
