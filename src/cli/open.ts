import type { Store } from '../store/store.js'
import type { Registry } from './shell.js'

/** Loaded here and not at the top: most of the start-up time is the registry, and help needs none. */
export async function openRegistry(path: string, readOnly: boolean): Promise<Registry> {
  const [{ ServiceRegistry }, { fileStore }] = await Promise.all([
    import('../registry/registry.js'),
    import('../store/file.js'),
  ])
  const file = fileStore(path, { readOnly })
  const registry = new ServiceRegistry({ store: readOnly ? onlyRead(file) : file })
  try {
    await registry.start()
  } catch (error) {
    await registry.close().catch(() => {}) // why it did not start is what counts
    throw error
  }
  return registry
}

/** What a registry finds out while it reads, such as that a rest is over, is not for a reader to write. */
const onlyRead = (store: Store): Store => ({
  name: store.name,
  load: () => store.load(),
  apply: async () => {},
  close: () => store.close(),
})

export async function scratchRegistry(): Promise<Registry> {
  const { ServiceRegistry } = await import('../registry/registry.js')
  return new ServiceRegistry()
}

/** What `use` gives, with the registry closed before anybody reads it. */
export async function using<T>(
  opening: Promise<Registry>,
  use: (registry: Registry) => T | Promise<T>,
): Promise<T> {
  const registry = await opening
  try {
    return await use(registry)
  } finally {
    await registry.close()
  }
}
