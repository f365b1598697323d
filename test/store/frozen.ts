import type { Store } from '../../src/store/index.js'

/** A store of a process that can be frozen: then it neither writes nor hears anything, and goes on where it was. */
export interface FrozenStore extends Store {
  freeze(): void
  thaw(): void
}

export function freezable(store: Store): FrozenStore {
  let thawed = Promise.resolve()
  let thaw = (): void => {}
  return {
    name: store.name,
    endsLeases: store.endsLeases,
    freeze() {
      thawed = new Promise((resolve) => {
        thaw = resolve
      })
    },
    thaw: () => thaw(),
    load: () => store.load(),
    close: () => store.close(),
    async apply(changes) {
      await thawed
      await store.apply(changes)
    },
    async *watch(signal, caughtUp) {
      for await (const changes of store.watch?.(signal, caughtUp) ?? []) {
        await thawed
        yield changes
      }
    },
  }
}
