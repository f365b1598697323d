/**
 * Mutation testing of the two folders where a wrong comparison costs a caller a failure.
 * By hand (`npm run mutate`), not in CI: it runs the related tests once per mutant.
 */
export default {
  testRunner: 'vitest',
  mutate: ['src/guard/**/*.ts', 'src/resolve/**/*.ts'],
  ignorePatterns: ['bench', 'dist', 'docs', 'reports', 'test/house'],
  // Stryker 9 reads a tsconfig through the JS API that TypeScript 7 no longer has; ours has
  // nothing that it needs to rewrite, so it is told of a file that does not exist.
  tsconfigFile: 'none.json',
  concurrency: 2,
  incremental: true,
  incrementalFile: 'reports/mutation/incremental.json',
  reporters: ['clear-text', 'html', 'json'],
  clearTextReporter: { logTests: false, allowColor: false },
  thresholds: { high: 95, low: 85, break: 85 },
}
