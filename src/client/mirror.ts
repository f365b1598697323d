import type { News } from './news.js'
import type { RemoteRecord } from './record.js'

/** More are not kept, whatever a registry tells. */
const mostRecords = 1_000_000

/** What a registry has, as far as is known here. */
export class Mirror {
  readonly #records = new Map<string, RemoteRecord>()
  readonly #listeners = new Set<(id: string) => void>()
  /** What arrived while a list was on its way. */
  readonly #meanwhile = new Set<News[]>()
  #isKnown = false

  /** Whether there was a list at all. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  get records(): readonly RemoteRecord[] {
    return [...this.#records.values()]
  }

  get(id: string): RemoteRecord | undefined {
    return this.#records.get(id)
  }

  /** Called with each id whose record is another one, or gone. The result ends that. */
  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  take(news: News): void {
    for (const list of this.#meanwhile) list.push(news)
    this.#apply(news)
  }

  /** A list may be older than what is told while it is on its way: that is applied to it again. */
  async load(list: () => Promise<readonly RemoteRecord[]>): Promise<void> {
    const meanwhile: News[] = []
    this.#meanwhile.add(meanwhile)
    try {
      const records = await list()
      this.#apply({ type: 'all', records })
      for (const news of meanwhile) this.#apply(news)
    } finally {
      this.#meanwhile.delete(meanwhile)
    }
  }

  #apply(news: News): void {
    if (news.type === 'all') this.#replace(news.records)
    else if (news.type === 'gone') this.#remove(news.id)
    else if (news.type === 'record') this.#set(news.record)
    else {
      const record = this.#records.get(news.id)
      if (record === undefined || record.status === news.status) return
      this.#set(Object.freeze({ ...record, status: news.status }))
    }
  }

  #replace(records: readonly RemoteRecord[]): void {
    this.#isKnown = true
    const kept = new Set(records.map(({ id }) => id))
    for (const id of this.#records.keys()) if (!kept.has(id)) this.#remove(id)
    for (const record of records) this.#set(record)
  }

  #set(record: RemoteRecord): void {
    const isNew = !this.#records.has(record.id)
    if (isNew && this.#records.size >= mostRecords) return
    this.#records.set(record.id, record)
    this.#tell(record.id)
  }

  #remove(id: string): void {
    if (this.#records.delete(id)) this.#tell(id)
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id)
  }
}
