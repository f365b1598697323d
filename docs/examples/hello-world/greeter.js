// @ts-check
/** A service of a few lines. It listens on a free port, registers, and stays registered. */
import { RegistryClient, serveModule } from 'switchgear/client'

const registry = new RegistryClient() // at REGISTRY_URL, else http://localhost:5000
const greeter = await serveModule({
  name: 'greeter',
  capabilities: {
    greet(params) {
      const { name } = /** @type {{ name: string }} */ (params)
      return `Hello, ${name}! This is process ${process.pid}.`
    },
  },
  registry,
})
console.log(`can greet, at ${greeter.location}`)

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    await greeter.close()
    await registry.close()
  })
