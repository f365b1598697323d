export type { Store, StoreChange } from './store.js'
