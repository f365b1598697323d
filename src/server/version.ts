import { readFile } from 'node:fs/promises'
import { field } from '../core/foreign.js'

/** Of the package this file is part of, built or not. */
export async function packageVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(
    await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  const version = field(manifest, 'version')
  return typeof version === 'string' ? version : 'unknown'
}
