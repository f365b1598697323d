import type { Migration, SnapshotDocument } from './migration.js'

/**
 * The first schema: `services` by name, `llm_models` by id, times as ISO texts. A service of it is a
 * provider of ours, of a service of the same name. What is of the wrong type is handed on as it is,
 * for the check of the result to name.
 */
export const from10: Migration = {
  from: '1.0',
  to: '2.0',
  migrate(document) {
    const savedAt = document.timestamp
    const services = entriesOf(document.services)
    return {
      savedAt,
      providers: services.map(([name, service]) => toProvider(name, service)),
      models: entriesOf(document.llm_models).map(([id, model]) => toModel(id, model, savedAt)),
      capabilities: [],
      circuits: [],
      health: services.flatMap(([name, service]) => toHealth(name, service, savedAt)),
    }
  },
}

type Fields = SnapshotDocument

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  if (value === undefined || value === null) return []
  if (!isFields(value)) throw new TypeError('expected services and llm_models to be objects')
  return Object.entries(value)
}

function toProvider(key: string, service: unknown): unknown {
  if (!isFields(service)) return service
  const { name = key, version, api_version, capabilities = [], models = [] } = service
  return {
    name,
    service: name,
    handlers: ['*'],
    priority: 2,
    group: 0,
    capabilities: Array.isArray(capabilities) ? capabilities.map(toCapability) : capabilities,
    ...(isKnown(version) && { version }),
    ...(isKnown(api_version) && { apiVersion: api_version }),
    models,
    dependencies: [],
    metadata: {},
    ...(isFields(service.resource_limits) && { limits: service.resource_limits }),
    weight: 1,
    origin: 'manual',
  }
}

/** Parameters that describe values stay parameters; plain facts, such as `loras: true`, are constraints. */
function toCapability(capability: unknown): unknown {
  if (!isFields(capability)) return capability
  const { name, version, parameters = {}, constraints = {} } = capability
  if (!isFields(parameters) || !isFields(constraints)) return capability
  const given = Object.entries(parameters)
  const specs = given.flatMap(([key, value]) => {
    const spec = toSpec(value)
    return spec === undefined ? [] : [[key, spec] as const]
  })
  const facts = given.filter(([, value]) => toSpec(value) === undefined)
  const all = { ...Object.fromEntries(facts), ...constraints }
  return {
    name,
    ...(version !== undefined && { version }),
    ...(specs.length > 0 && { parameters: Object.fromEntries(specs) }),
    ...(Object.keys(all).length > 0 && { constraints: all }),
  }
}

/** `{ type: 'int', min, max, choices }`, or a list, which names the items there are. */
function toSpec(value: unknown): Fields | undefined {
  if (Array.isArray(value)) return { type: 'array', items: { values: value } }
  if (!isFields(value)) return undefined
  const { type, min, max, choices, values = choices } = value
  const known = typeof type === 'string' ? types.get(type) : undefined
  if (known === undefined && min === undefined && max === undefined && values === undefined)
    return undefined
  return {
    ...known,
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(values !== undefined && { values }),
  }
}

const types: ReadonlyMap<string, Fields> = new Map<string, Fields>([
  ['int', { type: 'int' }],
  ['float', { type: 'float' }],
  ['string', { type: 'string' }],
  ['bool', { type: 'boolean' }],
  ['boolean', { type: 'boolean' }],
  ['list', { type: 'array' }],
  ['list<string>', { type: 'array', items: { type: 'string' } }],
])

function toModel(key: string, model: unknown, savedAt: unknown): unknown {
  if (!isFields(model)) return model
  const { model_id: id = key, provider, capabilities, context_length, cost_per_1k_tokens } = model
  const cost = isFields(cost_per_1k_tokens) ? cost_per_1k_tokens : {}
  const known = {
    ...(context_length !== undefined && { contextLength: context_length }),
  }
  const costPer1k = pick(cost, ['input', 'output', 'cached'])
  const names = Array.isArray(capabilities) ? [...new Set(capabilities)].sort() : []
  const at = epochOf(savedAt) ?? 0
  const fields = [
    ...Object.keys(known),
    ...Object.keys(costPer1k).map((part) => `costPer1k.${part}`),
    ...names.map((name) => `capabilities.${String(name)}`),
  ]
  const provenance = { kind: 'declared', source: 'registry 1.0', at }
  return {
    id,
    provider,
    capabilities: names,
    lacks: [],
    contextLength: 4_096,
    ...known,
    costPer1k,
    aliases: [],
    provenance: Object.fromEntries(fields.map((field) => [field, provenance])),
  }
}

const states: ReadonlySet<unknown> = new Set(['healthy', 'degraded', 'unhealthy', 'loading'])

function toHealth(key: string, service: unknown, savedAt: unknown): readonly unknown[] {
  if (!isFields(service) || !states.has(service.status)) return []
  const checkedAt = epochOf(service.last_updated) ?? epochOf(savedAt) ?? 0
  return [{ provider: service.name ?? key, status: service.status, checkedAt }]
}

function epochOf(time: unknown): number | undefined {
  const epoch = typeof time === 'string' ? Date.parse(time) : Number.NaN
  return Number.isFinite(epoch) ? epoch : undefined
}

function pick(from: Fields, keys: readonly string[]): Fields {
  const found = keys.flatMap((key) =>
    typeof from[key] === 'number' ? [[key, from[key]] as const] : [],
  )
  return Object.fromEntries(found)
}

/** The first schema writes `unknown` for what nobody said. */
const isKnown = (version: unknown): boolean => version !== undefined && version !== 'unknown'

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
