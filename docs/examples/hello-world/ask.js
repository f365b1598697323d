// @ts-check
/** Has somebody greeted by whoever can: it knows the registry, and no address of a service. */
import { ServiceLocator } from 'switchgear/client'

const [name = 'world'] = process.argv.slice(2)
const locator = new ServiceLocator() // asks at REGISTRY_URL, else http://localhost:5000
console.log(await locator.invoke('greet', { name }))
