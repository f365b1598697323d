// @ts-check
import OpenAI from 'openai'
import { ServiceRegistry } from 'switchgear'
import { timed } from './stopwatch.js'

/** @typedef {{ name: string, url: string, fallback: boolean }} Provider */
/** @typedef {{ llm: OpenAI }} Services */

/**
 * One service, `llm`, with an official client per server. The clients do not retry by themselves:
 * where the next attempt goes is decided here.
 *
 * @param {readonly Provider[]} providers
 * @param {{ key: string, recoveryTimeoutMs: number }} options
 */
export function createRegistry(providers, { key, recoveryTimeoutMs }) {
  /** @type {ServiceRegistry<Services>} */
  const registry = new ServiceRegistry({
    circuit: { failureThreshold: 3, successThreshold: 2, recoveryTimeoutMs },
  })
  for (const { name, url, fallback } of providers)
    registry.register({
      service: 'llm',
      name,
      provider: timed(new OpenAI({ baseURL: url, apiKey: key, maxRetries: 0 })),
      group: fallback ? 1 : 0,
      strategy: fallback ? 'fallback' : 'round-robin',
      address: url,
    })
  return registry
}

/**
 * Base URLs as providers, named after their hosts.
 *
 * @param {readonly URL[]} urls
 * @returns {Provider[]}
 */
export function providersAt(urls) {
  return urls.map(({ host, href }, index) => {
    const same = urls.slice(0, index).filter((other) => other.host === host).length
    return {
      name: same === 0 ? host : `${host} (${same + 1})`,
      url: href.replace(/\/$/, ''),
      fallback: index >= 2 && index === urls.length - 1,
    }
  })
}
