// Uses the package as its users get it: packed, installed into an empty project with an empty home,
// imported, required, and type-checked by a strict consumer. Nothing of this tree is within reach.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const place = mkdtempSync(join(tmpdir(), 'switchgear-pack-'))
const project = join(place, 'project')
const home = join(place, 'home')
mkdirSync(project)
mkdirSync(home)

// npm hands its own settings down to what it runs; a user's shell has none of them.
const inherited = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))
const env = { ...Object.fromEntries(inherited), HOME: home }
const run = (cwd, command, ...args) => {
  console.log(`$ ${command} ${args.join(' ')}`)
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] })
}
const write = (name, text) => writeFileSync(join(project, name), text)

const [packed] = JSON.parse(run(root, 'npm', 'pack', '--json', '--pack-destination', place))
console.log(`${packed.filename}: ${packed.files.length} files, ${packed.unpackedSize} bytes`)
const strays = packed.files.map(({ path }) => path).filter((path) => !isOurs(path))
if (strays.length > 0) throw new Error(`Files nobody needs in the tarball: ${strays.join(', ')}`)

write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
run(project, 'npm', 'install', '--no-audit', '--no-fund', join(place, packed.filename))

// A provider fails and the call succeeds, on the next one.
const story = `
  const registry = new ServiceRegistry({ services: { echo: { idempotent: true } } })
  const broken = { say: async () => { throw new Error('down') } }
  const sound = { say: async (word) => word }
  registry.register({ service: 'echo', name: 'broken', priority: 'high', provider: broken })
  registry.register({ service: 'echo', name: 'sound', priority: 'low', provider: sound })
  const heard = await registry.client('echo').say('hello')
  if (heard !== 'hello') throw new Error('heard ' + heard)
  if (new FakeClock(5).nowMs !== 5) throw new Error('FakeClock')
  new FakeProvider({ name: 'fake' }).succeed()
  await registry.close()
`
write(
  'esm.mjs',
  `import { ServiceRegistry } from 'switchgear'
  import { FakeClock, FakeProvider } from 'switchgear/testing'
  ${story}`,
)
write(
  'required.cjs',
  `const { ServiceRegistry } = require('switchgear')
  const { FakeClock, FakeProvider } = require('switchgear/testing')
  void (async () => {${story}})()`,
)
for (const file of ['esm.mjs', 'required.cjs']) {
  const printed = run(project, process.execPath, file)
  if (printed !== '') throw new Error(`${file} printed: ${printed}`)
}

// What one process has registered, the next one finds, and so does the command line.
const remembering = (found) => `
  import { ServiceRegistry } from 'switchgear'
  import { knownBackends, modelsFromOpenAI } from 'switchgear/discovery'
  import { fileStore } from 'switchgear/store'
  const registry = new ServiceRegistry({ store: fileStore('registry.json') })
  await registry.start()
  if (registry.list().length !== ${found}) throw new Error('found ' + registry.list().length)
  for (const backend of ${found} === 0 ? Object.values(knownBackends) : []) registry.register({ ...backend, provider: {} })
  registry.models.update(modelsFromOpenAI({ data: [{ id: 'm' }] }, { provider: 'local' }), { kind: 'probed', source: 'local' })
  await registry.close()
`
write('first.mjs', remembering(0))
write('second.mjs', remembering(4))
for (const file of ['first.mjs', 'second.mjs']) {
  const printed = run(project, process.execPath, file)
  if (printed !== '') throw new Error(`${file} printed: ${printed}`)
}
const listed = run(project, 'npx', 'switchgear', 'list', '--store', 'registry.json')
if (!listed.includes('comfyui')) throw new Error(`switchgear list printed: ${listed}`)

write(
  'consumer.ts',
  `import { isSwitchgearError, NoProviderError, ServiceRegistry, type Strategy } from 'switchgear'
import { fileStore, memoryStore, type Store } from 'switchgear/store'
import { redisStore } from 'switchgear/store/redis'
import { dnsSrv, type Source } from 'switchgear/discovery'
import { RegistryClient, remoteRegistry } from 'switchgear/client'
import { consul } from 'switchgear/discovery/consul'
import { etcd, type EtcdOptions } from 'switchgear/discovery/etcd'
import { kubernetes } from 'switchgear/discovery/kubernetes'
import { createServer, type RegistryServer } from 'switchgear/server'
import { instrument, prometheus } from 'switchgear/telemetry'
import { FakeClock } from 'switchgear/testing'

interface Echo {
  say(word: string): Promise<string>
}
interface Services {
  echo: Echo
}

const last: Strategy = { name: 'last', pick: (candidates) => candidates.at(-1) ?? candidates[0] }
const registry = new ServiceRegistry<Services>({ clock: new FakeClock() })
registry.register({ service: 'echo', provider: { say: async (word) => word }, strategy: last })
// @ts-expect-error The provider must be an Echo.
registry.register({ service: 'echo', provider: { shout: async () => '' } })
// @ts-expect-error Nobody declared this service.
registry.client('ehco')

const scraped: Promise<string> = prometheus(registry).text()
instrument(registry, { generative: ['echo'] }).dispose()
console.log(await scraped)

const server: RegistryServer = await createServer({ port: 0 })
console.log(server.urls.rest, server.operations.stats().total)
await server.close()

const keys: EtcdOptions = { prefix: '/services/' }
const sources: Source[] = [
  dnsSrv('_echo._tcp.example.com', { service: 'echo' }),
  consul({ service: 'echo' }),
  remoteRegistry({ url: 'http://127.0.0.1:5000' }),
  etcd(keys),
  kubernetes({ service: 'echo', url: 'https://10.0.0.1', namespace: 'default' }),
]
for (const source of sources) registry.addSource(source)
await new RegistryClient({ url: 'http://127.0.0.1:5000' }).close()

const stores: Store[] = [memoryStore(), fileStore('x.json'), redisStore('redis://127.0.0.1')]
const remembering = new ServiceRegistry<Services>({
  ...(stores[0] && { store: stores[0] }),
  services: { echo: { connect: async ({ address }) => ({ say: async (word) => address + word }) } },
})
const { added }: { readonly added: readonly string[] } = remembering.import(registry.export())
console.log(added, remembering.models.find({ requires: ['chat'], sort: 'cost' })[0]?.costPer1k.input)

const stop = registry.on('circuit.opened', (event) => console.log(event.type satisfies 'circuit.opened'))
try {
  const heard: string = await registry.client('echo').say('hello')
  const counted: number = await registry.call('echo', {}, async (echo) => (await echo.say(heard)).length)
  console.log(counted)
} catch (error) {
  if (error instanceof NoProviderError) console.log(error.code, error.retryable)
  else if (isSwitchgearError(error)) console.log(error.code)
} finally {
  stop()
  await registry.close()
}
`,
)

/** Checks the declarations too: skipLibCheck off is what strict users have. */
const consumerOf = (module, moduleResolution) => ({
  compilerOptions: {
    target: 'es2022',
    module,
    moduleResolution,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
  },
  files: ['consumer.ts'],
})
write('nodenext.json', JSON.stringify(consumerOf('nodenext', 'nodenext')))
write('bundler.json', JSON.stringify(consumerOf('esnext', 'bundler')))
for (const version of ['7', '5.9']) {
  const tools = [`typescript@${version}`, '@types/node@20']
  run(project, 'npm', 'install', '--no-audit', '--no-fund', '--save-dev', ...tools)
  for (const config of ['nodenext.json', 'bundler.json']) {
    check(config, version)
  }
}

rmSync(place, { recursive: true })
console.log('The packed tarball works.')

function check(config, version) {
  try {
    run(project, process.execPath, 'node_modules/typescript/bin/tsc', '-p', config)
  } catch (error) {
    throw new Error(`TypeScript ${version} with ${config}:\n${error.stdout}`)
  }
}

function isOurs(path) {
  return /^(dist\/.*\.(js|d\.ts)|dist\/wire\/proto\/\w+\.proto|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(
    path,
  )
}
