// @ts-check
import { fileURLToPath } from 'node:url'
import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const file = new URL('../dist/wire/proto/service_registry.proto', import.meta.url)

/** The service as the file that comes with the package describes it. @returns {any} */
export const service = () => {
  const loaded = loadSync(fileURLToPath(file), { keepCase: true, longs: Number, defaults: true })
  const packages = /** @type {any} */ (loadPackageDefinition(loaded))
  return packages.neural_hive.service_registry.ServiceRegistry
}

/**
 * A client as agents have it, on a connection of its own.
 * @param {string} url such as `grpc://127.0.0.1:50051`
 */
export function agentClient(url) {
  const Client = service()
  const options = { 'grpc.use_local_subchannel_pool': 1 }
  const client = new Client(url.replace('grpc://', ''), credentials.createInsecure(), options)
  return {
    /** @param {string} method @param {object} message @returns {Promise<any>} */
    call: (method, message) =>
      new Promise((resolve, reject) => {
        client[method](message, (/** @type {any} */ error, /** @type {any} */ answer) =>
          error ? reject(error) : resolve(answer),
        )
      }),
    /** @param {string} method @param {object} message */
    stream: (method, message) => client[method](message),
    close: () => client.close(),
  }
}
