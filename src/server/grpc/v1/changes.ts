import type {
  Change as ChangeMessage,
  ChangesRequest,
} from '../../../wire/proto/switchgear-messages.js'
import type { Change, Entry } from '../../entry.js'
import type { Operations } from '../../operations.js'
import type { StreamCall } from '../calls.js'
import { remembering } from '../remembering.js'
import { partsOf } from './parts.js'
import { changeOf, movedOn, snapshotPart, synced } from './translate.js'

/** So many changes that are not told are told of by their position: whoever comes back need not begin anew. */
const tellEach = 1_000

/** Changes of one server, told to many. */
export class ChangeStreams {
  readonly #operations: Operations
  /** Tells positions of this run from those of another, whose numbers mean something else. */
  readonly #run: string
  /** One message for all who are told of a change. */
  readonly #message = remembering((change: Told) => changeOf(change, this.#position(change.seq)))

  constructor(operations: Operations, run: string) {
    this.#operations = operations
    this.#run = run
  }

  /**
   * What changed after a position, and goes on to change, until the signal aborts; first everything there is, where
   * no position is given or what came after it is not known any more. Begins when it is called. Throws what
   * `admitReader` does; while it is read, `unavailable` when it is read too slowly.
   */
  follow(
    { position, heartbeats }: ChangesRequest,
    { caller, signal }: Pick<StreamCall, 'caller' | 'signal'>,
  ): AsyncGenerator<ChangeMessage, void> {
    const operations = this.#operations
    operations.admitReader(caller)
    const after = this.#after(position)
    const start = after === undefined ? this.#anew(signal) : resumed(operations, after, signal)
    return this.#tell(start, heartbeats, signal)
  }

  async *#tell(
    start: Start,
    heartbeats: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<ChangeMessage, void> {
    let { present, changes, from } = start
    for (;;) {
      if (present !== undefined) yield* this.#everything(present, from)
      const isLost = yield* this.#each(changes, heartbeats)
      if (!isLost) return
      ;({ present, changes, from } = this.#anew(signal))
    }
  }

  async *#each(
    changes: AsyncIterableIterator<Change>,
    heartbeats: boolean,
  ): AsyncGenerator<ChangeMessage, boolean> {
    let untold = 0
    for await (const change of changes) {
      if (change.type === 'resync') return true
      const isBeat = change.type === 'updated' && change.cause === 'heartbeat'
      if (change.type !== 'invoked' && (heartbeats || !isBeat)) {
        untold = 0
        yield this.#message(change)
      } else {
        untold += 1
        if (untold % tellEach === 0) yield movedOn(this.#position(change.seq))
      }
    }
    return false
  }

  *#everything(present: readonly Entry[], from: number): Generator<ChangeMessage, void> {
    yield snapshotPart([])
    for (const part of partsOf(present)) yield snapshotPart(part)
    yield synced(this.#position(from))
  }

  /** In one turn, so that nothing falls between what is there and what changes. */
  #anew(signal: AbortSignal): Start {
    const from = this.#operations.position
    const changes = this.#operations.watch({ after: from }, signal)
    return { present: this.#operations.list(), changes, from }
  }

  #position(seq: number): string {
    return `${this.#run}-${seq}`
  }

  #after(position: string): number | undefined {
    const [, run, seq] = /^([0-9a-f]{1,32})-(\d{1,15})$/.exec(position) ?? []
    return run === this.#run ? Number(seq) : undefined
  }
}

type Told = Exclude<Change, { readonly type: 'invoked' | 'resync' }>

interface Start {
  readonly present: readonly Entry[] | undefined
  readonly changes: AsyncIterableIterator<Change>
  readonly from: number
}

const resumed = (operations: Operations, from: number, signal: AbortSignal): Start => ({
  present: undefined,
  changes: operations.watch({ after: from }, signal),
  from,
})
