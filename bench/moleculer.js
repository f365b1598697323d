// @ts-check
import moleculer from 'moleculer'

/**
 * Moleculer's registry with one action per service and one endpoint per provider. Endpoints go
 * straight into its lists: its own `add` looks through the whole list each time, which would make
 * 100,000 of them take minutes; `register.bench.js` times that one call.
 * @param {import('./world.js').Spec[]} specs
 */
export function moleculerRegistry(specs) {
  const broker = new moleculer.ServiceBroker({ logger: false })
  /** @type {any} */
  const actions = broker.registry.actions
  /** @type {Map<string, any>} */
  const endpoints = new Map()
  for (const spec of specs) {
    const { node, service, action } = moleculerEntry(spec)
    const list = actions.get(action.name)
    const endpoint = list
      ? new list.EndPointFactory(broker.registry, broker, node, service, action)
      : actions.add(node, service, action).endpoints[0]
    list?.endpoints.push(endpoint)
    endpoints.set(spec.name, endpoint)
  }
  return { broker, actions, endpoints }
}

/** @param {import('./world.js').Spec} spec */
export function moleculerEntry({ name, service, provider }) {
  const item = { name, fullName: name }
  return {
    node: { id: name },
    service: item,
    action: { name: service, service: item, handler: () => provider.noop() },
  }
}
