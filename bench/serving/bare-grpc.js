// @ts-check
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { service } from '../agents.js'
import { answering } from './child.js'

/** A server of the same library and messages, which answers each method with what it is told. */
/** @type {Record<string, object>} */
const answers = {}
const server = new Server()
const methods = Object.keys(service().service)
server.addService(
  service().service,
  Object.fromEntries(
    methods.map((method) => [
      method,
      (/** @type {any} */ _, /** @type {any} */ callback) => callback(null, answers[method] ?? {}),
    ]),
  ),
)
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  answering({ grpc: `grpc://127.0.0.1:${port}` }, ({ method, answer }) => {
    answers[method] = answer
  })
})
