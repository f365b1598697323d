// @ts-check
import { createServer } from 'node:http'
import { answering } from './child.js'

/** What cannot be gone below: reads what it is sent, and answers with a constant body of a size that it is told. */
let body = Buffer.alloc(0)

const server = createServer((request, response) => {
  if (request.method === 'GET') return answer(response)
  const chunks = /** @type {Buffer[]} */ ([])
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString() || 'null')
    answer(response)
  })
})

/** @param {import('node:http').ServerResponse} response */
function answer(response) {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  answering({ rest: `http://127.0.0.1:${port}` }, ({ size }) => {
    body = Buffer.alloc(size, 'x')
  })
})
