/** How something about a model is known, the best first: a probe beats a declaration, and so on. */
export const evidence = ['probed', 'declared', 'catalogue', 'inferred'] as const
export type Evidence = (typeof evidence)[number]

/** What a model of unknown context length is taken to have, in tokens. */
export const defaultContext = 4_096

/** Who said it, and when. */
export interface Provenance {
  readonly kind: Evidence
  /** Such as `litellm`, or the address that was asked. */
  readonly source: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** US dollars per 1,000 tokens. What is left out is unknown, not free. */
export interface ModelCost {
  readonly input?: number | undefined
  readonly output?: number | undefined
  /** Input tokens read from the provider's cache. */
  readonly cached?: number | undefined
}

/** What somebody says about a model. What is left out, `null` or `undefined` is not known to them. */
export interface ModelInput {
  readonly id: string
  readonly provider: string
  readonly name?: string | null | undefined
  /** A list of what it can do; or a record, in which `false` says that it cannot. */
  readonly capabilities?:
    | readonly string[]
    | Readonly<Record<string, boolean | null | undefined>>
    | null
    | undefined
  /** Tokens of input and output together. */
  readonly contextLength?: number | null | undefined
  readonly maxOutputTokens?: number | null | undefined
  readonly inputModalities?: readonly string[] | null | undefined
  readonly outputModalities?: readonly string[] | null | undefined
  readonly costPer1k?:
    | { readonly [K in keyof ModelCost]?: number | null | undefined }
    | null
    | undefined
  /** Other names that `get` finds it by. */
  readonly aliases?: readonly string[] | null | undefined
}

/** A model of a provider, as far as it is known. Frozen. */
export interface Model {
  readonly id: string
  readonly provider: string
  readonly name: string | undefined
  /** What it is known to do, sorted. */
  readonly capabilities: readonly string[]
  /** What it is known not to do, sorted. What is in neither list is unknown. */
  readonly lacks: readonly string[]
  /** 4,096 as long as nobody has said; then `provenance` has no `contextLength`. */
  readonly contextLength: number
  readonly maxOutputTokens: number | undefined
  readonly inputModalities: readonly string[] | undefined
  readonly outputModalities: readonly string[] | undefined
  readonly costPer1k: ModelCost
  readonly aliases: readonly string[]
  /** By field, such as `contextLength`, `capabilities.vision` or `costPer1k.input`. */
  readonly provenance: Readonly<Record<string, Provenance>>
}

/** Words whose order means nothing, so that two lists of the same are equal. */
export const sortedOnce = (words: readonly string[] = []): readonly string[] =>
  words.length === 0 ? none : Object.freeze([...new Set(words)].sort())

const none: readonly never[] = Object.freeze([])

/** One text for one model of one provider. */
export const modelKey = ({
  provider,
  id,
}: {
  readonly provider: string
  readonly id: string
}): string => `${provider}\n${id}`
