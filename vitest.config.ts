import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const src = (file: string): string => fileURLToPath(new URL(`./src/${file}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^switchgear$/, replacement: src('index.ts') },
      { find: /^switchgear\/discovery\/(.+)$/, replacement: src('discovery/sources/$1.ts') },
      { find: /^switchgear\/store\/redis$/, replacement: src('store/redis.ts') },
      { find: /^switchgear\/(.+)$/, replacement: src('$1/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // .ci/run adds up the counts.
    reporters: process.env.CI
      ? ['default', ['json', { outputFile: 'reports/vitest.json' }]]
      : ['default'],
    // On two cores vitest would use one, and much of what is waited for are other processes.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
