import { expectTypeOf } from 'vitest'
import {
  type CallContext,
  type Lease,
  type PriorityName,
  type ProviderView,
  type Registration,
  type RegistrationHandle,
  type RegistryEvent,
  ServiceRegistry,
} from '../../src/index.js'
import { FakeClock, FakeProvider, seededRandom } from '../../src/testing/index.js'

interface ChatModel {
  chat(text: string): Promise<string>
  tokens(text: string): AsyncIterable<string>
  readonly model: string
}
interface MemoryStore {
  recall(key: string): number | undefined
}
interface Services {
  llm: ChatModel
  memory: MemoryStore
}

declare const openai: ChatModel
declare const store: MemoryStore

const registry = new ServiceRegistry<Services>({
  requiredServices: ['llm'],
  services: { llm: { standIn: openai, methods: { chat: { idempotent: false } } } },
  clock: new FakeClock(),
  random: seededRandom(1),
})

// --- register: the service decides what the provider must be -----------------------------------

expectTypeOf(
  registry.register({ service: 'llm', provider: openai }),
).toEqualTypeOf<RegistrationHandle>()
registry.register({ service: 'memory', connect: async () => store })
registry.register({ service: 'memory', connect: () => store, priority: 1, strategy: 'round_robin' })
registry.registerGlobal({
  service: 'memory',
  connect: ({ name }) => (name === '' ? Promise.resolve(store) : store),
})
const written: Registration<'llm', ChatModel> = {
  service: 'llm',
  provider: openai,
  handler: ['A', 'B'],
}
registry.register(written)

// @ts-expect-error a memory is no chat model
registry.register({ service: 'llm', provider: store })
// @ts-expect-error nor is what connect makes
registry.register({ service: 'llm', connect: async () => store })
// @ts-expect-error nobody offers this service
registry.register({ service: 'image', provider: {} })
// @ts-expect-error either of the two
registry.register({ service: 'llm' })
// @ts-expect-error not both
registry.register({ service: 'llm', provider: openai, connect: () => openai })
// @ts-expect-error no such priority
registry.register({ service: 'llm', provider: openai, priority: 'urgent' })
// @ts-expect-error no such level
registry.register({ service: 'llm', provider: openai, priority: 4 })
// @ts-expect-error no such strategy
registry.register({ service: 'llm', provider: openai, strategy: 'best' })
// @ts-expect-error misspelt
registry.register({ service: 'llm', provider: openai, priorty: 'high' })
// @ts-expect-error misspelt further down
registry.register({ service: 'llm', provider: openai, circuit: { failureTreshold: 3 } })
// @ts-expect-error a stand-in is what it stands in for
new ServiceRegistry<Services>({ services: { llm: { standIn: store } } })
// @ts-expect-error nobody offers this service
new ServiceRegistry<Services>({ requiredServices: ['image'] })

// --- look-ups: what comes back is what was asked for -------------------------------------------

expectTypeOf(registry.getService('llm')).resolves.toEqualTypeOf<ChatModel | undefined>()
expectTypeOf(registry.requireService('memory')).resolves.toEqualTypeOf<MemoryStore>()
expectTypeOf(registry.resolve('llm')).toEqualTypeOf<Lease<ChatModel> | undefined>()
expectTypeOf(registry.client('llm', { handler: 'A' }, { attempts: 2 })).toEqualTypeOf<ChatModel>()

const lease = registry.resolve('memory')
if (lease !== undefined) {
  expectTypeOf(lease.instance).toEqualTypeOf<MemoryStore>()
  expectTypeOf(lease.run((memory) => memory.recall('x'))).toEqualTypeOf<number | undefined>()
  expectTypeOf(lease.run(async (memory) => memory.recall('x') ?? 0)).toEqualTypeOf<
    Promise<number>
  >()
}

const called = registry.call('llm', {}, (llm, context) => {
  expectTypeOf(llm).toEqualTypeOf<ChatModel>()
  expectTypeOf(context).toEqualTypeOf<CallContext>()
  return llm.chat('x')
})
expectTypeOf(called).toEqualTypeOf<Promise<string>>()
expectTypeOf(registry.call('memory', undefined, (memory) => memory.recall('x'))).toEqualTypeOf<
  Promise<number | undefined>
>()
expectTypeOf(registry.stream('llm', {}, (llm) => llm.tokens('x'))).toEqualTypeOf<
  AsyncIterable<string>
>()
expectTypeOf(registry.stream('llm', {}, async (llm) => llm.tokens('x'))).toEqualTypeOf<
  AsyncIterable<string>
>()

// @ts-expect-error nobody offers this service
registry.getService('image')
// @ts-expect-error a chat model recalls nothing
registry.call('llm', {}, (llm) => llm.recall('x'))
// @ts-expect-error one value is no stream
registry.stream('llm', {}, (llm) => llm.chat('x'))
// @ts-expect-error misspelt
registry.getService('llm', { requries: ['chat'] })
// @ts-expect-error misspelt
registry.call('llm', {}, () => 1, { timeout: 5 })
// @ts-expect-error read-only
registry.client('llm').model = 'other'

// --- without a map of services, everything is unknown but possible -----------------------------

const loose = new ServiceRegistry({
  services: { llm: { idempotent: true } },
  requiredServices: ['llm'],
})
expectTypeOf(loose).toEqualTypeOf<ServiceRegistry<Record<string, unknown>>>()
loose.register({ service: 'anything', provider: new FakeProvider({ name: 'x' }) })
expectTypeOf(loose.getService('anything')).resolves.toEqualTypeOf<unknown>()

// --- what comes out ----------------------------------------------------------------------------

const views = registry.list({ service: 'llm' })
expectTypeOf(views).toEqualTypeOf<readonly ProviderView[]>()
expectTypeOf<ProviderView['priority']>().toEqualTypeOf<PriorityName>()
// @ts-expect-error frozen
views.push(views[0] as ProviderView)
// @ts-expect-error frozen
if (views[0]) views[0].group = 5
expectTypeOf(registry.healthCheckAll()).resolves.toEqualTypeOf<Readonly<Record<string, boolean>>>()
expectTypeOf(registry.events()).toEqualTypeOf<AsyncIterableIterator<RegistryEvent>>()
expectTypeOf(registry.missing()).toEqualTypeOf<readonly string[]>()
expectTypeOf(registry.waitReady({ services: ['llm'] })).toEqualTypeOf<Promise<boolean>>()
// @ts-expect-error nobody offers this service
registry.waitReady({ services: ['image'] })
{
  using _registration = registry.register({ service: 'llm', provider: openai })
  using _lease = registry.resolve('llm')
}
