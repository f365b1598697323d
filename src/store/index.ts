export { fileStore } from './file.js'
export type { FileStoreOptions } from './file-options.js'
export { memoryStore } from './memory.js'
export type { Store, StoreChange } from './store.js'
