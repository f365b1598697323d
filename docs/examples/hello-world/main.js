// @ts-check
/**
 * Three processes: a registry, a service that registers with it, and a program that finds the
 * service by what it can do. Run it: npm run build && node docs/examples/hello-world/main.js Ada
 */
import { Programs } from '../programs.js'

const [name = 'world'] = process.argv.slice(2)
const programs = new Programs()
try {
  const env = { REGISTRY_URL: await programs.startRegistry() }
  await programs.start('greeter', new URL('greeter.js', import.meta.url), { env, ready: /^can/ })
  await programs.start('ask', new URL('ask.js', import.meta.url), {
    args: [name],
    env,
    ready: /^Hello/,
  })
} finally {
  await programs.end()
}
