import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from './sources.js'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The fields of an interface in the API report, and of what it extends. */
function fieldsOf(name: string, api: string): string[] {
  const [, parents = '', body] =
    new RegExp(`^interface ${name}(?:<.*>)?(?: extends ([^{]*))? \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(
      api,
    ) ?? []
  if (body === undefined) return []
  const own = [...body.matchAll(/^ {4}readonly (\w+)\??:/gm)].map(([, field = '']) => field)
  const left = new Set([...parents.matchAll(/'(\w+)'/g)].map(([, field]) => field))
  const inherited = [...parents.matchAll(/\b[A-Z]\w*Options\b/g)].flatMap(([parent]) =>
    fieldsOf(parent, api).filter((field) => !left.has(field)),
  )
  return [...own, ...inherited]
}

/** What the first column of the tables below a heading names: `backoff` of "`backoff.factor`", both of "`a`, `b`". */
function namedIn(heading: string, page: string): string[] {
  const section =
    new RegExp(`^#+ ${heading}\\n([\\s\\S]*?)(?=^#|(?![\\s\\S]))`, 'm').exec(page)?.[1] ?? ''
  return [...section.matchAll(/^\| ([^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)/g)].map(([, field = '']) => field),
  )
}

describe('the reference of options', () => {
  const page = read('docs/reference/options.md')
  const api = read('docs/reference/api.md')

  it.each([
    'RegistryOptions',
    'ServiceOptions',
    'ServiceRequest',
    'CallOptions',
    'FileStoreOptions',
    'RedisStoreOptions',
    'ServerOptions',
    'DiscoverOptions',
    'BackendOptions',
    'LocalBackendsOptions',
    'ExamineOptions',
  ])('has every field of %s, and no other', (name) => {
    const fields = fieldsOf(name, api)
    expect(fields).not.toEqual([])
    // What it takes over from another table is listed there.
    const shared = name === 'LocalBackendsOptions' ? namedIn('DiscoverOptions', page) : []
    const path = name === 'FileStoreOptions' ? ['path'] : []
    const named = new Set([...namedIn(name, page), ...shared])
    for (const extra of [...path, ...(shared.length > 0 ? ['signal'] : [])]) named.delete(extra)
    expect([...named].sort()).toEqual([...new Set(fields)].sort())
  })
})
