// Applies changes as fast as it can, and says which are kept, until it is killed.
// Arguments: the store module, the path of the store, where to go on, how many at a time.
import { writeSync } from 'node:fs'
import { groupOf } from './store-kill-groups.js'

const [module, path, start, together] = process.argv.slice(2)
const { fileStore } = await import(module)

const store = fileStore(path, { compactAtBytes: 3_000 })
await store.load()
writeSync(1, 'loaded\n')

let next = Number(start)

async function lane() {
  for (;;) {
    const index = next
    next += 1
    await store.apply(groupOf(index))
    writeSync(1, `${index}\n`)
  }
}

await Promise.all(Array.from({ length: Number(together) }, lane))
