import { type SavedHealth, type SavedProvider, schemaVersion } from '../model/snapshot.js'
import type { Store, StoreChange } from '../store/store.js'

/** One promise a store must keep. `run` rejects when it does not. */
export interface StoreConformance {
  readonly name: string
  run(): Promise<void>
}

/** Opens the same place once more: what it gives has kept what the one before it was given. */
export type OpenStore = () => Store | Promise<Store>

/**
 * What every store must do, to be run with any test runner. `newPlace` is an empty place each time:
 *
 * `for (const { name, run } of storeConformance(() => { const path = fresh(); return () => mine(path) })) it(name, run)`
 *
 * A place is opened again only after the store before was closed, unless the store has `watch`: then two are open at
 * the same time. A store without it passes those promises.
 */
export function storeConformance(
  newPlace: () => OpenStore | Promise<OpenStore>,
): readonly StoreConformance[] {
  const promises: Readonly<Record<string, (open: OpenStore) => Promise<void>>> = {
    'has a name that stays': hasName,
    'has nothing at first': hasNothing,
    'gives a snapshot of the schema of today, with all sections': givesSnapshot,
    'keeps changes of every section': keepsSections,
    'keeps entries in the order in which they first came': keepsOrder,
    'takes the last of several changes': takesTheLast,
    'forgets what is gone, and does not mind what never was': forgets,
    'keeps large groups of changes whole': keepsLargeGroups,
    'keeps values to the letter': keepsLetters,
    'goes on after it was opened again': goesOn,
    'gives copies': givesCopies,
    'refuses changes before it is loaded and after it is closed': refusesWhenClosed,
    'may be closed twice, and without a load': closesTwice,
    'tells what others change, if it can be shared': tellsOthers,
    'tells those who look again what they have missed, if it can be shared': tellsMissed,
    'tells nobody what is their own, if it can be shared': tellsNoEchoes,
    'stops telling when its signal aborts, if it can be shared': stopsTelling,
  }
  return Object.entries(promises).map(([name, run]) => ({
    name,
    run: async () => run(await newPlace()),
  }))
}

async function hasName(open: OpenStore): Promise<void> {
  const first = await open()
  await first.close()
  const second = await open()
  await second.close()
  expect(typeof first.name === 'string' && first.name.trim() !== '', 'the name is empty')
  expect(first.name === second.name, 'the name differs from one opening to the next')
}

async function hasNothing(open: OpenStore): Promise<void> {
  expect((await reopened(open)) === undefined, 'load gave something')
}

async function givesSnapshot(open: OpenStore): Promise<void> {
  const kept = await keep(open, [[provider('a')]])
  expect(kept.schemaVersion === schemaVersion, `the schema is ${kept.schemaVersion}`)
  expect(Number.isFinite(Date.parse(kept.savedAt)), `savedAt is ${kept.savedAt}`)
  for (const section of ['providers', 'models', 'capabilities', 'circuits', 'health'] as const)
    expect(Array.isArray(kept[section]), `${section} is no list`)
}

async function keepsSections(open: OpenStore): Promise<void> {
  const all = [provider('a'), model('a'), capability('a'), circuit('a'), health('a', 1)]
  const kept = await keep(open, [all])
  for (const { section, value } of all) same(kept[section], [value], section)
}

async function keepsOrder(open: OpenStore): Promise<void> {
  const names = ['m', 'a', 'z', '10', '9', 'b']
  const again = [health('a', 2), health('z')]
  const kept = await keep(open, [
    ...names.map((name) => [health(name, 1)]),
    again,
    [health('z', 3)],
  ])
  const order = kept.health.map((one) => one.provider)
  same(order, ['m', 'a', '10', '9', 'b', 'z'], 'the order')
}

async function takesTheLast(open: OpenStore): Promise<void> {
  const changes = Array.from({ length: 100 }, (_, at) => health('a', at))
  const kept = await keep(open, [
    ...changes.map((change) => [change]),
    [health('a', 7), health('a', 8)],
  ])
  same(kept.health, [health('a', 8).value], 'health')
}

async function forgets(open: OpenStore): Promise<void> {
  const kept = await keep(open, [
    [health('a', 1), health('b', 1), provider('a')],
    [health('a'), health('nobody')],
  ])
  same(kept.health, [health('b', 1).value], 'health')
  same(kept.providers, [provider('a').value], 'another section')
}

async function keepsLargeGroups(open: OpenStore): Promise<void> {
  const many = Array.from({ length: 5_000 }, (_, at) => health(`provider-${at}`, at))
  const kept = await keep(open, [many])
  const values = many.map(({ value }) => value)
  same(kept.health, values, 'health')
}

async function keepsLetters(open: OpenStore): Promise<void> {
  const metadata: Readonly<Record<string, unknown>> = JSON.parse(
    '{"__proto__":{"a":1},"constructor":"x","":"","line":"\\n\\r\\t\\u2028\\u0000","wide":"\\ud83d\\ude80 é 漢字","lone":"\\ud800","deep":[[[{"n":null}]]],"numbers":[0,-1.5,1e300,5e-324],"no":false}',
  )
  const odd = ['with "quotes"', 'new\nline', '__proto__', 'é 漢字 🚀', ' ', 'x'.repeat(4_096)]
  const groups = odd.map((name) => [provider(name, metadata)])
  const kept = await keep(open, groups)
  const values = groups.map(([change]) => change?.value)
  same(kept.providers, values, 'providers')
  expect(!('a' in {}), 'Object.prototype was changed')
}

async function goesOn(open: OpenStore): Promise<void> {
  for (let turn = 0; turn < 5; turn++)
    await keep(open, [[health(`new-${turn}`, turn)], [health('same', turn)]])
  const kept = await reopened(open)
  const found = kept?.health.map((one) => `${one.provider} ${one.checkedAt}`)
  same(found, ['new-0 0', 'same 4', 'new-1 1', 'new-2 2', 'new-3 3', 'new-4 4'], 'health')
}

async function givesCopies(open: OpenStore): Promise<void> {
  const first = await keep(open, [[provider('a', { tags: ['x'] })]])
  tamper(first.providers)
  const second = await reopened(open)
  same(second?.providers, [provider('a', { tags: ['x'] }).value], 'providers')
}

/** As somebody would who takes the data for their own. */
function tamper(entries: readonly SavedProvider[]): void {
  for (const { metadata } of entries)
    if (Array.isArray(metadata.tags) && !Object.isFrozen(metadata.tags)) metadata.tags.push('y')
}

async function refusesWhenClosed(open: OpenStore): Promise<void> {
  const store = await open()
  await rejects(store.apply([health('a', 1)]), 'apply before load')
  await store.load()
  await store.close()
  await rejects(store.apply([health('a', 1)]), 'apply after close')
  expect((await reopened(open)) === undefined, 'what was refused was kept')
}

async function closesTwice(open: OpenStore): Promise<void> {
  const unused = await open()
  await unused.close()
  await unused.close()
  const store = await open()
  await store.load()
  await Promise.all([store.close(), store.close()])
}

async function tellsOthers(open: OpenStore): Promise<void> {
  await shared(open, async (mine, other) => {
    const reader = new Reader(mine)
    await other.apply([provider('a'), health('a', 1)])
    await other.apply([health('a', 2), health('b', 1)])
    await reader.until((seen) => same(seen, { a: 2, b: 1 }, 'after two groups'))
    await other.apply([health('a')])
    await reader.until((seen) => same(seen, { b: 1 }, 'after an entry was removed'))
    await reader.end()
  })
}

async function tellsMissed(open: OpenStore): Promise<void> {
  await shared(open, async (mine, other) => {
    await other.apply([health('before', 1)])
    const first = new Reader(mine)
    await first.until((seen) => same(seen, { before: 1 }, 'what came between load and watch'))
    await first.end()
    await other.apply([health('before'), health('between', 2)])
    const second = new Reader(mine, first.seen)
    await second.until((seen) => same(seen, { between: 2 }, 'what came while nobody looked'))
    await second.end()
  })
}

async function tellsNoEchoes(open: OpenStore): Promise<void> {
  await shared(open, async (mine, other) => {
    const reader = new Reader(mine)
    await mine.apply([health('mine', 1)])
    await other.apply([health('other', 1)])
    await reader.until((seen) => expect('other' in seen, 'what others change is not told'))
    same(Object.fromEntries(reader.seen), { other: 1 }, 'what is told')
    await reader.end()
  })
}

async function stopsTelling(open: OpenStore): Promise<void> {
  await shared(open, async (mine) => {
    const reader = new Reader(mine)
    await reader.end()
    await mine.apply([health('a', 1)]) // it can still be written to
  })
}

/** Two stores of one place at the same time; nothing for a store that nobody shares. */
async function shared(
  open: OpenStore,
  run: (mine: Store, other: Store) => Promise<void>,
): Promise<void> {
  const mine = await open()
  if (mine.watch === undefined) return mine.close()
  const other = await open()
  await mine.load()
  await other.load()
  try {
    await run(mine, other)
  } finally {
    await mine.close()
    await other.close()
  }
}

/** Follows the health of providers in a store. */
class Reader {
  readonly seen: Map<string, number>
  readonly #stop = new AbortController()
  readonly #groups: AsyncIterator<readonly StoreChange[]>

  constructor(store: Store, seen: ReadonlyMap<string, number> = new Map()) {
    this.seen = new Map(seen)
    const groups = store.watch?.(this.#stop.signal)
    if (groups === undefined) throw new Error('store conformance: watch is gone')
    this.#groups = groups[Symbol.asyncIterator]()
  }

  /** Reads until nothing is wrong; says what still is when there is nothing more to read. */
  async until(check: (seen: Readonly<Record<string, number>>) => void): Promise<void> {
    for (;;) {
      const problem = problemOf(() => check(Object.fromEntries(this.seen)))
      if (problem === undefined) return
      const next = await this.#groups.next()
      if (next.done) throw problem
      for (const change of next.value) this.#take(change)
    }
  }

  async end(): Promise<void> {
    const next = this.#groups.next()
    this.#stop.abort()
    const { done } = await next
    expect(done === true, 'it goes on after its signal has aborted')
  }

  #take(change: StoreChange): void {
    if (change.section !== 'health') return
    if (change.value === undefined) this.seen.delete(change.key)
    else this.seen.set(change.key, change.value.checkedAt)
  }
}

function problemOf(check: () => void): unknown {
  try {
    check()
    return undefined
  } catch (error) {
    return error
  }
}

type Kept = NonNullable<Awaited<ReturnType<Store['load']>>>

/** What is there after these groups of changes, seen by a store that was opened later. */
async function keep(open: OpenStore, groups: readonly (readonly StoreChange[])[]): Promise<Kept> {
  const store = await open()
  await store.load()
  for (const group of groups) await store.apply(group)
  await store.close()
  const kept = await reopened(open)
  if (kept === undefined) throw new Error('store conformance: nothing was kept')
  return kept
}

async function reopened(open: OpenStore): Promise<Kept | undefined> {
  const store = await open()
  const kept = await store.load()
  await store.close()
  return kept
}

function provider(name: string, metadata: SavedProvider['metadata'] = {}): ChangeOf<'providers'> {
  const value: SavedProvider = {
    name,
    service: 'llm',
    handlers: ['*'],
    priority: 2,
    group: 0,
    capabilities: [{ name: 'chat', version: '1.0' }],
    models: ['m'],
    dependencies: [],
    metadata,
    weight: 1,
    origin: 'manual',
  }
  return { section: 'providers', key: name, value }
}

/** Without a time, it is gone. */
function health(name: string, checkedAt?: number): ChangeOf<'health'> {
  if (checkedAt === undefined) return { section: 'health', key: name }
  const value: SavedHealth = { provider: name, status: 'healthy', checkedAt }
  return { section: 'health', key: name, value }
}

function model(provider: string): ChangeOf<'models'> {
  const value = {
    id: 'm',
    provider,
    name: 'M',
    capabilities: ['chat'],
    lacks: [],
    contextLength: 8_192,
    maxOutputTokens: 512,
    inputModalities: ['text'],
    outputModalities: ['text'],
    costPer1k: {},
    aliases: [],
    provenance: {},
  }
  return { section: 'models', key: `${provider}\nm`, value }
}

function capability(name: string): ChangeOf<'capabilities'> {
  return {
    section: 'capabilities',
    key: `${name}@1.0`,
    value: { name, version: '1.0', parameters: {} },
  }
}

function circuit(provider: string): ChangeOf<'circuits'> {
  const value = { provider, state: 'open', failures: 3, openedAt: 1, retryAt: null } as const
  return { section: 'circuits', key: provider, value }
}

type ChangeOf<S extends StoreChange['section']> = Extract<StoreChange, { readonly section: S }>

async function rejects(promise: Promise<unknown>, what: string): Promise<void> {
  const kept = await promise.then(
    () => true,
    () => false,
  )
  expect(!kept, `${what} did not reject`)
}

function same(found: unknown, wanted: unknown, what: string): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)]
  expect(left === right, `${what}: expected ${shortened(right)}, got ${shortened(left)}`)
}

const shortened = (text = 'nothing'): string =>
  text.length > 200 ? `${text.slice(0, 199)}…` : text

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`store conformance: ${what}`)
}
