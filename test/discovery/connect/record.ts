import type { ProviderRecord } from '../../../src/index.js'

/** The record of a provider at this address, as a registry makes it. */
export function recordAt(
  address: string | undefined,
  metadata: Readonly<Record<string, unknown>> = {},
): ProviderRecord {
  return {
    name: 'a',
    service: 'llm',
    handlers: ['*'],
    priority: 2,
    group: 0,
    capabilities: [],
    version: undefined,
    apiVersion: undefined,
    models: [],
    dependencies: [],
    metadata,
    limits: undefined,
    weight: 1,
    address,
    credential: undefined,
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    concurrency: undefined,
    idempotent: undefined,
    origin: 'manual',
  }
}
