import type { Change, Entry } from '../../src/server/entry.js'
import { ask } from './rest-client.js'

type Told = Change | { readonly type: 'connected'; readonly position: string }

/**
 * Follows the changes of one server through its lives, by `Last-Event-ID`, as a client would: it reads the whole list
 * when it is told to. What must not be is kept in `wrong`.
 */
export class Follower {
  readonly wrong: string[] = []
  resyncs = 0
  /** What it takes to be there. */
  readonly entries = new Map<string, Entry>()
  #last: string | undefined
  #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  /** From its last event on. */
  start(url: string): void {
    this.#stop = new AbortController()
    this.#running = this.#follow(url, this.#stop.signal).catch(() => {}) // its server was killed
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #follow(url: string, signal: AbortSignal): Promise<void> {
    if (this.#last === undefined) this.#last = `${await this.#readAll(url)}`
    const from = this.#last
    const headers = { 'last-event-id': from }
    const response = await fetch(`${url}/v1/changes`, { headers, signal })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    let isFirst = true
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: '' }
      if (done) return
      const blocks = (text + value).split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (data === undefined) continue
        const told: Told = JSON.parse(data)
        if (told.type === 'connected') continue
        await this.#take(url, told, /^id: (.*)$/m.exec(block)?.[1] ?? '', isFirst)
        isFirst = false
      }
    }
  }

  async #take(url: string, change: Change, id: string, isFirst: boolean): Promise<void> {
    const [run, seq] = id.split('-')
    const [lastRun, lastSeq] = (this.#last ?? '').split('-')
    if (change.type === 'resync') {
      this.resyncs += 1
      if (!isFirst) this.wrong.push(`resync ${id} in the middle of a stream`)
      await this.#readAll(url)
    } else if (run !== lastRun) this.wrong.push(`${id} after ${this.#last} without resync`)
    else if (Number(seq) !== Number(lastSeq) + 1) this.wrong.push(`${id} after ${this.#last}`)
    this.#last = id
    if (!('entry' in change)) return
    if (change.type === 'deregistered') this.entries.delete(change.entry.id)
    else this.entries.set(change.entry.id, change.entry)
  }

  /** The position that the list is of. */
  async #readAll(url: string): Promise<string> {
    const { json } = await ask(url, '/v1/providers')
    this.entries.clear()
    for (const entry of json.providers) this.entries.set(entry.id, entry)
    return json.position
  }
}
