export { FakeClock } from './fake-clock.js'
export { FakeProvider, type FakeProviderOptions } from './fake-provider.js'
export { seededRandom } from './seeded-random.js'
export { type Conformance, strategyConformance } from './strategy-suite.js'
