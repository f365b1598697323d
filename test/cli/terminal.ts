import { run } from '../../src/cli/run.js'
import type { ImportResult, Registry, Shell } from '../../src/cli/shell.js'
import { ServiceRegistry } from '../../src/index.js'
import type { Model } from '../../src/model/llm-model.js'
import type { Snapshot } from '../../src/model/snapshot.js'
import { FakeClock } from '../../src/testing/fake-clock.js'

export interface Said {
  readonly exit: number
  readonly out: string
  readonly err: string
}

/** What a registry remembers, without a file behind it. */
export class Remembered implements Registry {
  readonly real = new ServiceRegistry<Record<string, object>>()
  readonly known: Model[] = []
  readonly models = {
    list: (): readonly Model[] => this.known,
    update: (...args: Parameters<Registry['models']['update']>) => {
      this.done.push(`update ${args[0].length} models by ${args[1].source}`)
      return this.real.models.update(...args)
    },
  }
  readonly done: string[] = []
  result: ImportResult = { added: [], changed: [] }
  fails: Error | undefined

  list(...args: Parameters<Registry['list']>): ReturnType<Registry['list']> {
    return this.real.list(...args)
  }

  get(name: string): ReturnType<Registry['get']> {
    return this.real.get(name)
  }

  export(options: { readonly secrets?: boolean } = {}): Snapshot {
    this.done.push(options.secrets === true ? 'export with secrets' : 'export')
    return {
      schemaVersion: '2.0',
      savedAt: '2026-01-01T00:00:00.000Z',
      providers: [],
      models: this.known,
      capabilities: [],
      circuits: [],
      health: [],
      leases: [],
    }
  }

  import(snapshot: unknown): ImportResult {
    this.done.push(`import ${JSON.stringify(snapshot).slice(0, 40)}`)
    if (this.fails !== undefined) throw this.fails
    return this.result
  }

  async flush(): Promise<void> {
    this.done.push('flush')
  }

  async close(): Promise<void> {
    this.done.push('close')
  }
}

/** A model of which hardly anything is known. */
export const model = (id: string, fields: Partial<Model> = {}): Model => ({
  id,
  provider: 'openai',
  name: undefined,
  capabilities: [],
  lacks: [],
  contextLength: 4_096,
  maxOutputTokens: undefined,
  inputModalities: undefined,
  outputModalities: undefined,
  costPer1k: {},
  aliases: [],
  provenance: {},
  ...fields,
})

/** Runs a command as in a terminal of its own. */
export async function say(
  args: string | readonly string[],
  { registry = new Remembered(), ...rest }: Partial<Shell> & { readonly registry?: Registry } = {},
): Promise<Said & { readonly opened: readonly string[] }> {
  const opened: string[] = []
  const said = { out: '', err: '' }
  const exit = await run(typeof args === 'string' ? args.split(' ') : args, {
    env: {},
    platform: 'linux',
    home: '/home/me',
    folder: '/work',
    columns: undefined,
    colours: false,
    out(text) {
      said.out += text
    },
    err(text) {
      said.err += text
    },
    input: async () => '',
    open: async (path, { readOnly }) => {
      opened.push(`${path}${readOnly ? '' : ' to write'}`)
      return registry
    },
    scratch: async () => new Remembered(),
    clock: new FakeClock(),
    screen: () => undefined,
    discover: () => Promise.reject(new Error('nobody looks')),
    examine: () => Promise.reject(new Error('nobody looks')),
    interruptible: (work) => work(new AbortController().signal),
    ...rest,
  })
  return { exit, ...said, opened }
}
