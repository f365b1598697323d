import { field, isObject, nameOf, namesOf } from '../../core/foreign.js'
import type { Description } from '../scan/fingerprint.js'

/** Where an agent leaves its card; the second was the first once. */
export const cardPaths = ['/.well-known/agent-card.json', '/.well-known/agent.json'] as const

/** The card of an agent, of A2A 0.2 to 1.0, as far as it is understood. */
export interface AgentCard {
  readonly name: string
  readonly protocol: string | undefined
  readonly description: Description
}

/** `undefined` when it is no card. */
export function readCard(json: unknown): AgentCard | undefined {
  const name = nameOf(field(json, 'name'))
  const skills = field(json, 'skills')
  const interfaces = interfacesOf(json)
  if (name === undefined || !Array.isArray(skills) || interfaces === undefined) return undefined
  const protocol =
    interfaces.map(({ version }) => version).find((version) => version !== undefined) ??
    nameOf(field(json, 'protocolVersion'))
  const description = {
    version: nameOf(field(json, 'version')),
    apiVersion: protocol,
    capabilities: capabilitiesOf(json, skills),
    metadata: metadataOf(json, name, skills, interfaces),
  }
  return { name, protocol, description }
}

interface Interface {
  readonly binding: string | undefined
  readonly url: string
  readonly version: string | undefined
}

/** Since 1.0 a list; before, one that is preferred, and others. */
function interfacesOf(json: unknown): readonly Interface[] | undefined {
  const list = field(json, 'supportedInterfaces')
  if (Array.isArray(list)) return list.slice(0, 20).flatMap(toInterface)
  const first = {
    url: field(json, 'url'),
    transport: field(json, 'preferredTransport') ?? 'JSONRPC',
    protocolVersion: field(json, 'protocolVersion'),
  }
  const found = toInterface(first)
  return found.length === 0 ? undefined : found
}

function toInterface(row: unknown): readonly Interface[] {
  const url = nameOf(field(row, 'url'), 2_048)
  if (url === undefined || !URL.canParse(url)) return []
  const { host, pathname, protocol } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') return []
  const binding = nameOf(field(row, 'protocolBinding')) ?? nameOf(field(row, 'transport'))
  // What else a URL can hold may be a secret.
  const plain = `${protocol}//${host}${pathname}`
  return [{ binding, url: plain, version: nameOf(field(row, 'protocolVersion')) }]
}

const media: Readonly<Record<string, string>> = {
  video: 'video_generation',
  image: 'image_generation',
  audio: 'audio_generation',
  text: 'text_generation',
}

/** By what its skills give back: `video/mp4` is a film. A skill that does not say gives what the agent usually gives. */
function capabilitiesOf(json: unknown, skills: readonly unknown[]): readonly string[] {
  const usual = namesOf(field(json, 'defaultOutputModes')) ?? []
  const modes = skills.slice(0, mostSkills).flatMap((skill) => outputsOf(skill) ?? usual)
  const types = modes.map((mode) => mode.split('/')[0]?.toLowerCase() ?? '')
  const made = types.flatMap((type) => (Object.hasOwn(media, type) ? (media[type] ?? []) : []))
  const flags = [
    ['streaming', 'streaming'],
    ['pushNotifications', 'push_notifications'],
  ] as const
  const can = flags.filter(([flag]) => field(json, 'capabilities', flag) === true)
  return [...new Set([...made, ...can.map(([, capability]) => capability)])]
}

function outputsOf(skill: unknown): readonly string[] | undefined {
  const modes = namesOf(field(skill, 'outputModes'))
  return modes?.length === 0 ? undefined : modes
}

const mostSkills = 500

function metadataOf(
  json: unknown,
  name: string,
  skills: readonly unknown[],
  interfaces: readonly Interface[],
): Readonly<Record<string, unknown>> {
  const organization = nameOf(field(json, 'provider', 'organization'))
  const schemes = field(json, 'securitySchemes')
  const locks = isObject(schemes) ? (namesOf(Object.keys(schemes), 20) ?? []) : []
  return {
    name,
    ...(organization !== undefined && { organization }),
    skills: skills.slice(0, mostSkills).flatMap(toSkill),
    interfaces: interfaces.map(({ binding, url, version }) => ({
      url,
      ...(binding !== undefined && { binding }),
      ...(version !== undefined && { version }),
    })),
    ...(locks.length > 0 && { security: locks }),
  }
}

function toSkill(row: unknown) {
  const id = nameOf(field(row, 'id'))
  if (id === undefined) return []
  const name = nameOf(field(row, 'name'))
  const tags = namesOf(field(row, 'tags'), 50) ?? []
  const outputs = outputsOf(row)
  return [{ id, ...(name && { name }), tags, ...(outputs && { outputs }) }]
}
