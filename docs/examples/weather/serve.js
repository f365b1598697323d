// @ts-check
/** What the three services have in common: they register, say so, and leave when they are asked to. */
import { RegistryClient, serveModule } from 'switchgear/client'

/**
 * @param {string} name
 * @param {Record<string, import('switchgear/client').ModuleFunction>} capabilities
 * @param {Record<string, unknown>} [metadata]
 */
export async function serve(name, capabilities, metadata) {
  const registry = new RegistryClient() // at REGISTRY_URL, else http://localhost:5000
  const served = await serveModule({ name, capabilities, metadata, registry })
  console.log(`can ${Object.keys(capabilities).join(', ')}; at ${served.location}`)
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, async () => {
      await served.close()
      await registry.close()
    })
  return registry
}
