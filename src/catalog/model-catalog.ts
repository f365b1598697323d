import { type Model, type ModelInput, modelKey } from '../model/llm-model.js'
import { learn, mergeModels, sameEvidence, sameModel } from '../model/merge-model.js'
import type { ModelEvidence, ModelQuery } from '../model/model-query.js'
import {
  parseModelEvidence,
  parseModelInput,
  parseModelInputs,
  parseModelQuery,
  parseModels,
} from '../model/parse/model.js'
import { comparing, fits } from './model-match.js'
import { WordIndex } from './word-index.js'

/** What became different about one model. */
export type ModelChange =
  | { readonly type: 'added'; readonly model: Model }
  | { readonly type: 'changed'; readonly model: Model; readonly previous: Model }
  | { readonly type: 'removed'; readonly model: Model }

export interface ModelCatalogPorts {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told after the whole turn, in order. It may use the catalogue. */
  readonly changed?: (change: ModelChange) => void
  /** Told when the same is now known by other evidence: no news, but worth remembering. */
  readonly confirmed?: (model: Model) => void
  /** Calls what tells of several changes; whoever hears of the first may change the last. */
  readonly turn?: (tell: () => void) => void
}

/** What an update did. */
export interface ModelUpdate {
  readonly added: readonly Model[]
  readonly changed: readonly Model[]
}

/**
 * Models and what is known about them, apart from services. A model is told from others by its id and
 * its provider: two providers of one id are two models. What several sources say is merged field by
 * field: a probe beats a declaration, that a catalogue, that an inference; newer beats older of the
 * same kind; unknown never erases. Every change is one synchronous turn, all or nothing.
 */
export class ModelCatalog {
  readonly #ports: ModelCatalogPorts
  readonly #entries = new Map<string, Entry>()
  readonly #byId = new WordIndex<Entry>()
  readonly #byAlias = new WordIndex<Entry>()
  readonly #byCapability = new WordIndex<Entry>()
  readonly #byProvider = new WordIndex<Entry>()
  #added = 0
  #listed: readonly Model[] | undefined

  constructor(ports: ModelCatalogPorts) {
    this.#ports = ports
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * Declares a model by hand. One that is known already learns what is new, as by `update` with the
   * kind `declared` and the source `manual`. Throws `InvalidRegistrationError`.
   */
  register(model: ModelInput): Model {
    const parsed = parseModelInput(model)
    const by = Object.freeze({ kind: 'declared', source: 'manual', at: this.#ports.now() } as const)
    const next = learn(this.#entries.get(modelKey(parsed))?.model, parsed, by)
    this.#tell(this.#commit([next]))
    return next
  }

  /**
   * Learns what a source says about models, such as `update(modelsFromOpenRouter(body), { kind:
   * 'catalogue', source: 'openrouter' })`. All or nothing: one bad entry throws
   * `InvalidRegistrationError`, which names its index and field. What is merely confirmed gets newer
   * provenance and no event. Throws `InvalidOptionsError` when `by` is wrong.
   */
  update(models: readonly ModelInput[], by: ModelEvidence): ModelUpdate {
    const { kind, source, at } = parseModelEvidence(by)
    const parsed = parseModelInputs(models)
    const now = this.#ports.now()
    // A time to come would keep every later update out.
    const provenance = Object.freeze({ kind, source, at: Math.min(at ?? now, now) })
    const turn = new Map<string, Model>()
    for (const model of parsed) {
      const key = modelKey(model)
      turn.set(key, learn(turn.get(key) ?? this.#entries.get(key)?.model, model, provenance))
    }
    const outcome = this.#commit(turn.values())
    this.#tell(outcome)
    return {
      added: outcome.changes.flatMap(({ type, model }) => (type === 'added' ? [model] : [])),
      changed: outcome.changes.flatMap(({ type, model }) => (type === 'changed' ? [model] : [])),
    }
  }

  /**
   * Takes over models with the provenance they were saved with, merged with what is known. Tells the
   * ports nothing: it gives back what changed. Throws `InvalidRegistrationError`, all or nothing.
   */
  restore(models: readonly Model[]): readonly ModelChange[] {
    const turn = new Map<string, Model>()
    for (const model of parseModels(models)) {
      const key = modelKey(model)
      turn.set(key, mergeModels(turn.get(key) ?? this.#entries.get(key)?.model, model))
    }
    return this.#commit(turn.values()).changes
  }

  /** As `restore`, but what is known of these models gives way. Throws `InvalidRegistrationError`, all or nothing. */
  replace(models: readonly Model[]): readonly ModelChange[] {
    return this.#commit(parseModels(models)).changes
  }

  /** By id, else by alias. Without a provider, the first that was added of those that have it. */
  get(id: string, provider?: string): Model | undefined {
    return first(this.#byId.get(id), provider) ?? first(this.#byAlias.get(id), provider)
  }

  /** Every model, as added. Frozen. */
  list(): readonly Model[] {
    this.#listed ??= Object.freeze(Array.from(this.#entries.values(), ({ model }) => model))
    return this.#listed
  }

  /** Who has models now, sorted. */
  providers(): readonly string[] {
    return Object.freeze(this.#byProvider.words().sort())
  }

  /** Those that fit; all of them without a query. Frozen. Throws `InvalidRequestError`. */
  find(query: ModelQuery = {}): readonly Model[] {
    const wanted = parseModelQuery(query)
    const found = this.#near(wanted).filter((model) => fits(model, wanted))
    return Object.freeze(wanted.sort === undefined ? found : found.sort(comparing(wanted.sort)))
  }

  /** Without a provider, at every provider. Aliases are not looked at. False when there was none. */
  remove(id: string, provider?: string): boolean {
    const entries = [...this.#byId.get(id)].filter(
      ({ model }) => provider === undefined || model.provider === provider,
    )
    this.#forget(entries)
    return entries.length > 0
  }

  clear(): void {
    this.#forget([...this.#entries.values()])
  }

  #commit(models: Iterable<Model>): Outcome {
    const outcome: Outcome = { changes: [], confirmed: [] }
    for (const model of models) {
      const previous = this.#put(model)
      if (previous === undefined) outcome.changes.push({ type: 'added', model })
      else if (!sameModel(previous, model))
        outcome.changes.push({ type: 'changed', model, previous })
      else if (!sameEvidence(previous, model)) outcome.confirmed.push(model)
    }
    return outcome
  }

  /** Gives what was known before. */
  #put(model: Model): Model | undefined {
    const key = modelKey(model)
    const known = this.#entries.get(key)
    const previous = known?.model
    if (previous === model) return previous
    const entry = known ?? { model, order: this.#added++ }
    entry.model = model
    this.#entries.set(key, entry)
    this.#listed = undefined
    for (const [index, wordsOf] of this.#indexes())
      index.move(entry, previous === undefined ? [] : wordsOf(previous), wordsOf(model))
    return previous
  }

  #forget(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#entries.delete(modelKey(entry.model))
      for (const [index, wordsOf] of this.#indexes()) index.move(entry, wordsOf(entry.model), [])
    }
    if (entries.length > 0) this.#listed = undefined
    const changes = entries.map(({ model }): ModelChange => ({ type: 'removed', model }))
    this.#tell({ changes, confirmed: [] })
  }

  #tell({ changes, confirmed }: Outcome): void {
    const { changed, confirmed: told, turn = (tell) => tell() } = this.#ports
    turn(() => {
      for (const change of changes) changed?.(change)
      for (const model of confirmed) told?.(model)
    })
  }

  #indexes(): readonly [WordIndex<Entry>, (model: Model) => readonly string[]][] {
    return [
      [this.#byId, ({ id }) => [id]],
      [this.#byAlias, ({ aliases }) => aliases],
      [this.#byCapability, ({ capabilities }) => capabilities],
      [this.#byProvider, ({ provider }) => [provider]],
    ]
  }

  /** The models worth looking at, as added: the smallest set that an index gives. */
  #near({ requires = [], providers, includeUnknown }: ModelQuery): Model[] {
    const sets = includeUnknown === true ? [] : requires.map((name) => this.#byCapability.get(name))
    if (providers?.length === 1) sets.push(this.#byProvider.get(providers[0] ?? ''))
    const [set, ...others] = sets
    if (set === undefined) return [...this.list()]
    return inOrder(others.reduce((least, one) => (one.size < least.size ? one : least), set))
  }
}

/** A model as the catalogue holds it. */
interface Entry {
  model: Model
  readonly order: number
}

interface Outcome {
  readonly changes: ModelChange[]
  readonly confirmed: Model[]
}

/** An index gives entries in the order they got the word. */
const inOrder = (entries: Iterable<Entry>): Model[] =>
  [...entries].sort((a, b) => a.order - b.order).map(({ model }) => model)

const first = (entries: Iterable<Entry>, provider: string | undefined): Model | undefined =>
  inOrder(entries).find((model) => provider === undefined || model.provider === provider)
