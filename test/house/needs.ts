import type { TestContext } from 'vitest'

/**
 * Skips a test, with the reason in sight, while something it needs is missing.
 * In CI (SWITCHGEAR_REQUIRE=all) nothing may be missing, and it fails instead.
 */
export function needs(context: TestContext, isThere: boolean, reason: string): void {
  if (isThere) return
  if (process.env.SWITCHGEAR_REQUIRE === 'all') throw new Error(`Missing: ${reason}`)
  context.skip(reason)
}

/** The same for what only stands beside some checkouts: nothing installs it, so not even CI can ask for it. */
export function wants(context: TestContext, isThere: boolean, reason: string): void {
  if (!isThere) context.skip(reason)
}
