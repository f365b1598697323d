// Whether the server in this container answers: 0 or 1. It speaks HTTP, or HTTPS where it has a certificate.
import http from 'node:http'
import https from 'node:https'

/** Whom the certificate names does not matter here: nobody else listens on this port of the container. */
const options = {
  host: '127.0.0.1',
  port: process.env.REGISTRY_PORT,
  path: '/health',
  rejectUnauthorized: false,
}

const answers = ({ get }) =>
  new Promise((resolve) => {
    get({ ...options, signal: AbortSignal.timeout(2_000) }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    }).on('error', () => resolve(false))
  })

process.exit((await answers(http)) || (await answers(https)) ? 0 : 1)
