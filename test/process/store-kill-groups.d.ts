import type { StoreChange } from '../../src/store/store.js'

export declare function groupOf(index: number): readonly StoreChange[]
export declare function stateAfter(last: number): Readonly<Record<string, number>>
