import type { Capability } from '../../model/capability.js'
import type { ModelInput } from '../../model/llm-model.js'
import type { CapabilityInput } from '../../model/provider.js'
import type { Description, Fingerprint, Recognition } from './fingerprint.js'
import type { Found } from './report.js'

interface Recognised {
  readonly fingerprint: Fingerprint
  readonly recognition: Recognition
  readonly description: Description
  readonly weak: boolean
  readonly partial?: boolean
}

/** What is reported of a program that was recognised at an address. */
export function toFound(
  origin: string,
  { fingerprint, recognition, description, weak, partial }: Recognised,
  key: string | undefined,
): Found {
  const { kind, title, service, protocol } = fingerprint
  const models = distinct(description.models ?? [])
  const needsCredentials =
    description.needsCredentials ?? (recognition.needsCredentials === true && key === undefined)
  return Object.freeze<Found>({
    name: `${kind}@${new URL(origin).host}`,
    kind,
    title,
    service,
    protocol,
    address: origin,
    alsoAt: none,
    health: needsCredentials
      ? 'unhealthy'
      : (description.health ?? recognition.health ?? 'healthy'),
    version: description.version ?? recognition.version,
    apiVersion: description.apiVersion,
    capabilities: capabilitiesOf(fingerprint, description, models),
    models: Object.freeze(models),
    limits: description.limits,
    metadata: Object.freeze({ ...description.metadata }),
    evidence: recognition.evidence,
    weak,
    needsCredentials,
    ...(partial === true && { partial }),
  })
}

/** A program that somebody says is there, and that was not recognised now. */
export function givenByHand(origin: string, fingerprint: Fingerprint, why: string): Found {
  const recognition: Recognition = { evidence: `given by hand; it ${why}`, health: 'unhealthy' }
  return toFound(origin, { fingerprint, recognition, description: {}, weak: true }, undefined)
}

const none: readonly never[] = Object.freeze([])

/** What it says it can do; else what its models can; else what such a program can always do. */
function capabilitiesOf(
  { capabilities: always = none }: Fingerprint,
  { capabilities: said }: Description,
  models: readonly ModelInput[],
): readonly Capability[] {
  const byName = new Map<string, Capability>()
  const inputs: readonly CapabilityInput[] = [...(said ?? models.flatMap(abilities)), ...always]
  for (const input of inputs) {
    const capability = typeof input === 'string' ? { name: input } : input
    if (!byName.has(capability.name)) byName.set(capability.name, Object.freeze(capability))
  }
  return Object.freeze([...byName.values()])
}

function abilities({ capabilities }: ModelInput): readonly string[] {
  if (Array.isArray(capabilities)) return capabilities
  return Object.entries(capabilities ?? {}).flatMap(([name, able]) => (able === true ? [name] : []))
}

/** Lists repeat themselves. */
function distinct(models: readonly ModelInput[]): readonly ModelInput[] {
  const seen = new Set<string>()
  return models.filter(({ id }) => !seen.has(id) && seen.add(id))
}

/**
 * One entry for a program that answers at both addresses of this machine, 127.0.0.1 and ::1: the same port, the same
 * answers.
 */
export function merged(found: readonly Found[]): readonly Found[] {
  const byMark = new Map<string, Found>()
  for (const one of found) {
    const mark = markOf(one)
    const twin = byMark.get(mark)
    if (twin === undefined) byMark.set(mark, one)
    else byMark.set(mark, Object.freeze({ ...twin, alsoAt: [...twin.alsoAt, one.address] }))
  }
  return [...byMark.values()]
}

function markOf({ address, kind, version, models }: Found): string {
  const { hostname, port, protocol } = new URL(address)
  const host = hostname === '127.0.0.1' || hostname === '[::1]' ? 'this machine' : hostname
  return JSON.stringify([host, port, protocol, kind, version, models.map(({ id }) => id)])
}
