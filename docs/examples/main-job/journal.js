// @ts-check

/** @typedef {import('switchgear').ServiceRegistry<import('./registry.js').Services>} Registry */
/** @typedef {'fault' | 'opened' | 'half-opened' | 'closed' | 'failed-over'} Kind */
/** @typedef {{ atMs: number, kind: Kind, provider: string, text: string }} Entry */

/** The judged calls and the streams; listing models is not one of them. */
const judged = 'chat.completions.create'
/** How far back the share of the moment looks. */
const recentMs = 1_000

/** What happened and who answered, as the registry tells it, with times since `start`. */
export class Journal {
  #startedAt = performance.now()
  /** @type {{ at: number, provider: string }[]} */
  #recent = []
  /** @type {((entry: Entry) => void)[]} */
  #listeners = []
  /** @type {Entry[]} */
  entries = []
  /** Answers by provider. @type {Map<string, number>} */
  answers = new Map()
  /** Fail-overs by cause. @type {Map<string, number>} */
  failOvers = new Map()

  /** @param {Registry} registry */
  constructor(registry) {
    registry.on('circuit.opened', ({ provider, reason }) =>
      this.note('opened', provider, `circuit opened: ${reason}`),
    )
    registry.on('circuit.half-opened', ({ provider }) =>
      this.note('half-opened', provider, 'circuit half-open: one call may try'),
    )
    registry.on('circuit.closed', ({ provider }) => this.note('closed', provider, 'circuit closed'))
    registry.on('call.failed-over', ({ provider, to, cause }) => {
      count(this.failOvers, cause)
      this.note('failed-over', provider, `failed over to ${to} (${cause})`)
    })
    registry.on('call.succeeded', ({ provider, method }) => {
      if (method !== judged) return
      count(this.answers, provider)
      this.#recent.push({ at: performance.now(), provider })
    })
  }

  /** Time begins here; what happened before happened at 0. */
  start() {
    this.entries = this.entries.map((entry) => ({ ...entry, atMs: 0 }))
    this.#startedAt = performance.now()
  }

  get elapsedMs() {
    return performance.now() - this.#startedAt
  }

  /** @param {Kind} kind @param {string} provider @param {string} text */
  note(kind, provider, text) {
    const entry = { atMs: this.elapsedMs, kind, provider, text }
    this.entries.push(entry)
    for (const listener of this.#listeners) listener(entry)
  }

  /** @param {(entry: Entry) => void} listener */
  onEntry(listener) {
    this.#listeners.push(listener)
  }

  /** Each provider's share of the answers of the last second, 0 to 1. */
  recentShares() {
    const since = performance.now() - recentMs
    this.#recent = this.#recent.filter(({ at }) => at >= since)
    /** @type {Map<string, number>} */
    const answers = new Map()
    for (const { provider } of this.#recent) count(answers, provider)
    return new Map([...answers].map(([name, own]) => [name, own / this.#recent.length]))
  }
}

/** @param {Map<string, number>} counts @param {string} key */
function count(counts, key) {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
