import type { Evidence, ModelCost } from './llm-model.js'

/** How it is known what an update says. */
export interface ModelEvidence {
  readonly kind: Evidence
  /** Who says it, such as `litellm` or the address that was asked. */
  readonly source: string
  /** When it was so, in milliseconds since the epoch. Default, and at the latest: now. */
  readonly at?: number | undefined
}

/** What models are looked for. Everything that is given must hold. */
export interface ModelQuery {
  /** Names of capabilities. */
  readonly requires?: readonly string[] | undefined
  /** In tokens. A model of unknown context counts as one of 4,096. */
  readonly minContext?: number | undefined
  /** In US dollars: a number bounds input and output. An unknown price is never within a bound. */
  readonly maxCostPer1k?: number | ModelCost | undefined
  readonly providers?: readonly string[] | undefined
  readonly modalities?:
    | {
        readonly input?: readonly string[] | undefined
        readonly output?: readonly string[] | undefined
      }
    | undefined
  /** Also those of which a capability or modality is unknown, but never those known to lack it. Default false. */
  readonly includeUnknown?: boolean | undefined
  /**
   * `cost`: cheapest first, by input and output together, unknown last; `context` and `output`: longest
   * first, unknown output last; `id`: by id, then provider, which also breaks ties. Default: as added.
   */
  readonly sort?: 'cost' | 'context' | 'output' | 'id' | undefined
}
