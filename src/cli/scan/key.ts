import { usage } from '../failure.js'
import type { Shell } from '../shell.js'

/** A key from the environment. What may be a key itself, given by mistake, is not repeated. */
export function keyFrom(name: string, flag: string, { env }: Pick<Shell, 'env'>): string {
  const key = Object.hasOwn(env, name) ? env[name] : undefined
  if (key !== undefined && key.trim() !== '') return key.trim()
  const shown = /^[A-Z_][A-Z0-9_]{0,63}$/.test(name) ? name : 'what was given'
  throw usage(
    `${flag} takes the name of an environment variable that holds the key, and ${shown} is not set; the key itself is never given here, because others can see command lines`,
  )
}
