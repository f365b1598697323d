import { isoTime } from '../../core/clock.js'
import { clean, toJsonLine } from '../clean.js'
import { wrap } from '../scan/wrap.js'
import type { Shell } from '../shell.js'
import { paint } from '../table.js'
import { counted } from '../words.js'
import { differences } from './differences.js'
import type { RemoteEntry } from './entry.js'
import { entryTable } from './entry-words.js'
import type { Test } from './filters.js'
import type { News } from './news.js'

export interface WatchingOptions {
  readonly url: string
  readonly json: boolean
  readonly test: Test
}

const signs = { present: '=', added: '+', changed: '~', removed: '-' } as const
const colours = { present: undefined, added: 'green', changed: 'yellow', removed: 'red' } as const

type Event = keyof typeof signs

/** Tells what becomes of the registrations that fit. Who does not fit any more is as good as removed. */
export class Watching {
  readonly #shell: Shell
  readonly #options: WatchingOptions
  readonly #known = new Map<string, RemoteEntry>()
  #hasBegun = false
  #told = 0

  constructor(shell: Shell, options: WatchingOptions) {
    this.#shell = shell
    this.#options = options
  }

  /** How many changes were told; what there was at first is none. */
  get told(): number {
    return this.#told
  }

  take(news: News): void {
    if (news.type === 'entry') this.#set(news.entry)
    else if (news.type === 'gone') this.#remove(news.id)
    else if (this.#hasBegun) this.#replace(news.entries)
    else this.#begin(news.entries)
  }

  #begin(entries: readonly RemoteEntry[]): void {
    this.#hasBegun = true
    const shown = entries.filter(this.#options.test)
    for (const entry of shown) this.#known.set(entry.id, entry)
    if (this.#options.json) for (const entry of shown) this.#tell('present', entry, [])
    else if (shown.length > 0) this.#shell.out(entryTable(shown, this.#shell))
    const what = `Watching ${counted(shown.length, 'registration')} at ${this.#options.url}`
    this.#shell.err(`${wrap(clean(`${what}; Ctrl-C ends it.`), this.#shell.columns)}\n`)
  }

  #replace(entries: readonly RemoteEntry[]): void {
    const ids = new Set(entries.map(({ id }) => id))
    for (const id of [...this.#known.keys()]) if (!ids.has(id)) this.#remove(id)
    for (const entry of entries) this.#set(entry)
  }

  #set(entry: RemoteEntry): void {
    if (!this.#options.test(entry)) {
      this.#remove(entry.id)
      return
    }
    const before = this.#known.get(entry.id)
    this.#known.set(entry.id, entry)
    if (before === undefined) this.#tell('added', entry, factsOf(entry))
    else {
      const said = differences(before, entry)
      if (said.length > 0) this.#tell('changed', entry, said)
    }
  }

  #remove(id: string): void {
    const before = this.#known.get(id)
    this.#known.delete(id)
    if (before !== undefined) this.#tell('removed', before, ['is not there any more'])
  }

  #tell(event: Event, entry: RemoteEntry, said: readonly string[]): void {
    if (event !== 'present') this.#told += 1
    const shell = this.#shell
    const at = isoTime(shell.clock.wall())
    if (this.#options.json) {
      shell.out(toJsonLine({ event, at, record: entry }))
      return
    }
    const text = clean(`${at.slice(11, 19)} ${signs[event]} ${entry.id}: ${said.join('; ')}`)
    shell.out(`${paint(wrap(text, shell.columns, '    '), colours[event], shell.colours)}\n`)
  }
}

const factsOf = ({ status, service, capabilities, location }: RemoteEntry): readonly string[] => [
  status,
  service,
  ...(capabilities.length === 0 ? [] : [capabilities.join(', ')]),
  ...(location === '' ? [] : [location]),
]
