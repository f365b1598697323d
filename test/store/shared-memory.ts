import { settled, whenAborted } from '../../src/core/clock.js'
import { memoryStore, type Store, type StoreChange } from '../../src/store/index.js'

interface Group {
  readonly node: number
  readonly changes: readonly StoreChange[]
}

/** A place in memory that several stores share, as they would a server. */
export interface SharedMemory {
  open(): Store
  /** Groups that were applied so far. */
  readonly groups: readonly Group[]
  /** Writes what no store of ours would. */
  write(changes: readonly StoreChange[]): void
  /** Turns of the event loop that a write takes before it counts and before it is confirmed; likewise a read. */
  lag: () => number
}

export function sharedMemory(): SharedMemory {
  const groups: Group[] = []
  const waiting: (() => void)[] = []
  let nodes = 0
  const place: SharedMemory = {
    groups,
    lag: () => 0,
    write: (changes) => add(0, changes),
    open: () => openStore(++nodes),
  }
  return place

  function add(node: number, changes: readonly StoreChange[]): void {
    groups.push({ node, changes: copyOf(changes) })
    for (const wake of waiting.splice(0)) wake()
  }

  function openStore(node: number): Store {
    let isOpen = false
    let seen = 0
    /** What this store has written since is newer. */
    const isLatest = ({ section, key }: StoreChange): boolean =>
      !groups
        .slice(seen)
        .some(
          (group) =>
            group.node === node &&
            group.changes.some((one) => one.section === section && one.key === key),
        )
    return {
      name: 'shared memory',
      async load() {
        isOpen = true
        seen = groups.length
        const memory = memoryStore()
        await memory.load()
        for (const { changes } of groups) await memory.apply(copyOf(changes))
        await memory.close()
        return memory.load()
      },
      async apply(changes) {
        if (!isOpen) throw new Error('it is not open')
        await turns(place.lag())
        add(node, changes)
        await turns(place.lag())
      },
      async *watch(signal) {
        const aborted = whenAborted(signal)
        while (!signal.aborted) {
          const group = groups[seen]
          if (group === undefined) {
            await Promise.race([new Promise<void>((wake) => waiting.push(wake)), aborted])
            await turns(place.lag())
            continue
          }
          seen += 1
          if (group.node !== node) yield copyOf(group.changes.filter(isLatest))
        }
      },
      async close() {
        isOpen = false
      },
    }
  }
}

const copyOf = (changes: readonly StoreChange[]): readonly StoreChange[] =>
  JSON.parse(JSON.stringify(changes))

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await settled()
}
