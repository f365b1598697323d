// Opens and closes a store as it is told, and says how that went.
import { parentPort, workerData } from 'node:worker_threads'

const [module, path] = workerData ?? process.argv.slice(2)
const { fileStore } = await import(module)

const say = (answer) => (parentPort ? parentPort.postMessage(answer) : process.send(answer))
let store

async function obey(command) {
  if (command === 'close') {
    await store.close()
    return 'closed'
  }
  store = fileStore(path)
  try {
    await store.load()
    return 'won'
  } catch (error) {
    await store.close()
    return `${error.code} ${error.message}`
  }
}

;(parentPort ?? process).on('message', async (command) => say(await obey(command)))
say('ready')
