import { usage } from './failure.js'
import type { Input } from './flags.js'

/** All `KEY=VALUE` of a flag; the last of a key counts. What has no key is not repeated: it may be a secret. */
export function pairsOf(input: Pick<Input, 'all'>, flag: string): Readonly<Record<string, string>> {
  const pairs = input.all(flag).map((text): readonly [string, string] => {
    const at = text.indexOf('=')
    if (at < 1) throw usage(`--${flag} needs KEY=VALUE, such as region=eu`)
    return [text.slice(0, at), text.slice(at + 1)]
  })
  return Object.fromEntries(pairs)
}
