import { createRequire } from 'node:module'

/** What is scraped together is a `Registry` there; that word means something else here. */
export type { Counter, Gauge, Registry as PromRegistry } from 'prom-client'

type PromClient = typeof import('prom-client')

const require = createRequire(import.meta.url)

/** Loaded on first use: who only traces does not need it, and it takes tens of milliseconds. */
export const promClient = (): PromClient => require('prom-client')
