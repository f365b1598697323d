import { field, isObject, nameOf } from '../../core/foreign.js'
import { Failure } from '../failure.js'
import type { Shell } from '../shell.js'
import { textIn } from '../text-file.js'

/** What a module says of itself in a file beside it. What it does not say is left out. */
export interface Manifest {
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly version?: string | undefined
  readonly provides: readonly string[]
  /** Capabilities of others that it cannot do without. */
  readonly requires: readonly string[]
  readonly location?: string | undefined
}

const mostLength = 1_024 * 1_024

/** Fails with what is wrong in the file, by field. Fields that say nothing to a registry are passed over. */
export async function manifestIn(file: string, shell: Pick<Shell, 'folder'>): Promise<Manifest> {
  const manifest = parsed(await textIn(file, '--manifest', 'a file of JSON', shell), file)
  const text = (key: string): string | undefined => {
    const value = field(manifest, key)
    const name = nameOf(value)
    if (value === undefined || name !== undefined) return name
    throw wrong(file, key, 'a text of one line')
  }
  return {
    id: text('id'),
    name: text('name'),
    version: text('version'),
    provides: namesAt(manifest, ['provides', 'capabilities'], file),
    requires: namesAt(manifest, ['requires', 'capabilities'], file),
    location: locationOf(manifest, file),
  }
}

function parsed(text: string, file: string): unknown {
  try {
    const value: unknown = text.length > mostLength ? undefined : JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // Said below.
  }
  throw new Failure(`--manifest ${file} holds no JSON object of at most 1 MiB`)
}

function namesAt(manifest: unknown, path: readonly string[], file: string): readonly string[] {
  const list = field(manifest, ...path)
  if (list === undefined) return []
  const names = Array.isArray(list) ? list.map((one) => nameOf(one)) : [undefined]
  const known = names.filter((name) => name !== undefined)
  if (known.length === names.length) return known
  throw wrong(file, path.join('.'), 'a list of names')
}

/** Where it listens is known by its port; it runs on this machine. */
function locationOf(manifest: unknown, file: string): string | undefined {
  const port = field(manifest, 'interfaces', 'http', 'port')
  if (port === undefined) return undefined
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535)
    return `http://localhost:${port}`
  throw wrong(file, 'interfaces.http.port', 'a whole number from 1 to 65535')
}

const wrong = (file: string, key: string, expected: string): Failure =>
  new Failure(`--manifest ${file}: ${key} should be ${expected}`)
