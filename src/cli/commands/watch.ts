import { clean } from '../clean.js'
import { type Command, jsonFlag, operands } from '../command.js'
import { usage } from '../failure.js'
import type { Input } from '../flags.js'
import { remoteFlags } from '../remote/access.js'
import { entryFlags, testOf } from '../remote/filters.js'
import { newsFrom } from '../remote/news.js'
import { type Remote, remotely } from '../remote/remote.js'
import { Watching } from '../remote/watching.js'
import type { ExitCode, Shell } from '../shell.js'

export const watch: Command = {
  name: 'watch',
  operands: '',
  about:
    'Lists what is registered with a server, and then tells what becomes of it, until\nCtrl-C. Connects again by itself.',
  flags: {
    ...entryFlags,
    count: { value: 'COUNT', about: 'end after so many changes' },
    ...jsonFlag,
    ...remoteFlags,
  },
  async run(shell, input) {
    operands(input, watch, 0, 0)
    const test = testOf(input)
    const most = countOf(input)
    const connection = new Connection(shell)
    const work = async (remote: Remote, signal: AbortSignal): Promise<ExitCode> => {
      const watching = new Watching(shell, { url: remote.url, json: input.has('json'), test })
      for await (const news of newsFrom(remote, signal, connection)) {
        connection.back()
        watching.take(news)
        if (watching.told >= most) break
      }
      return 0
    }
    // A client that follows by itself tells its own losses.
    return remotely(shell, input, work, { onError: (error) => connection.lost(error) })
  },
}

/** Says once that the registry is gone, and once that it is back. */
class Connection {
  readonly #shell: Shell
  #isLost = false

  constructor(shell: Shell) {
    this.#shell = shell
  }

  lost(error: unknown): void {
    if (this.#isLost) return
    this.#isLost = true
    const why = error instanceof Error ? error.message : 'it failed'
    this.#shell.err(`${clean(`Lost the registry, trying again: ${why}`)}\n`)
  }

  back(): void {
    if (this.#isLost) this.#shell.err('Connected again.\n')
    this.#isLost = false
  }
}

function countOf(input: Input): number {
  const text = input.text('count')
  if (text === undefined) return Number.POSITIVE_INFINITY
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw usage(`--count is a whole number of 1 or more; got '${text}'`)
}
