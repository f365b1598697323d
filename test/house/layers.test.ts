import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { needs } from './needs.js'
import { fileOf, readSources, root, type SourceFile, toSource } from './sources.js'

const domain = ['catalog', 'strategy', 'guard', 'resolve', 'health', 'discovery', 'store']

/** What each folder may import besides itself. A folder that is not here may not exist. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  model: ['core'],
  catalog: ['core', 'model'],
  strategy: ['core', 'model'],
  guard: ['core', 'model'],
  wire: ['core', 'model'],
  resolve: ['core', 'model', 'catalog', 'strategy', 'guard'],
  health: ['core', 'model', 'catalog'],
  discovery: ['core', 'model', 'catalog'],
  store: ['core', 'model', 'catalog'],
  registry: ['core', 'model', ...domain],
  client: ['core', 'model', 'wire', 'discovery'],
  testing: ['core', 'model', 'strategy', 'guard', 'discovery', 'store', 'registry'],
  telemetry: ['core', 'model', 'registry'],
  adapters: ['core', 'model', 'registry'],
  server: ['core', 'model', 'wire', 'registry', 'store', 'telemetry'],
  cli: [
    'core',
    'model',
    ...domain,
    'wire',
    'registry',
    'client',
    'telemetry',
    'adapters',
    'server',
  ],
}

/** `index.ts` is what `import 'switchgear'` loads: nothing of the server, the client or the shell. */
const indexMayImport = ['core', 'model', ...domain, 'registry']

const relative = (file: SourceFile): string[] =>
  file.imports.filter((name) => name.startsWith('.')).map((name) => fileOf(file.path, name))

function strayImports(file: SourceFile): string[] {
  const allowed = file.path === 'index.ts' ? indexMayImport : (mayImport[file.folder] ?? [])
  return relative(file)
    .filter((target) => {
      const folder = target.includes('/') ? target.slice(0, target.indexOf('/')) : ''
      return folder !== file.folder && !allowed.includes(folder)
    })
    .map((target) => `${file.path} imports ${target}`)
}

/** Each cycle once, as the path that closes it. Type imports count: they tie files just as much. */
function cycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(files.map((file) => [file.path, relative(file)]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) found.push([...trail.slice(start), path].join(' -> '))
    if (start >= 0 || done.has(path)) return
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return found
}

const files = readSources()

describe('layers', () => {
  it('has source files to judge', () => {
    expect(files.length).toBeGreaterThan(0)
  })

  it('keeps index.ts alone at the root of src', () => {
    const strays = files.filter(({ folder, path }) => folder === '' && path !== 'index.ts')
    expect(strays.map(({ path }) => path)).toEqual([])
  })

  it('has only folders that the layer table names', () => {
    const strays = files.filter(({ folder }) => folder !== '' && !Object.hasOwn(mayImport, folder))
    expect(strays.map(({ path }) => path)).toEqual([])
  })

  it('imports only what the layer table allows', () => {
    expect(files.flatMap(strayImports)).toEqual([])
  })

  it('names existing files, with their extension, in every relative import', () => {
    const known = new Set(files.map(({ path }) => path))
    const broken = files.flatMap((file) =>
      relative(file)
        .filter((target) => !known.has(target))
        .map((target) => `${file.path} -> ${target}`),
    )
    expect(broken).toEqual([])
  })

  it('has no import cycles, type imports included', () => {
    expect(cycles(files)).toEqual([])
  })

  it('never imports the package by its own name', () => {
    const own = files.filter(({ imports }) =>
      imports.some((name) => /^switchgear(\/|$)/.test(name)),
    )
    expect(own.map(({ path }) => path)).toEqual([])
  })

  it('is a table without a way back up', () => {
    const above = Object.keys(mayImport)
    for (const [folder, allowed] of Object.entries(mayImport)) {
      const later = allowed.filter((name) => above.indexOf(name) >= above.indexOf(folder))
      expect(later, `${folder} looks up`).toEqual([])
    }
  })

  it('is described folder by folder in docs/architecture.md', (context) => {
    const page = join(root, 'docs/architecture.md')
    needs(context, existsSync(page), 'docs/architecture.md is not written yet')
    const text = readFileSync(page, 'utf8')
    const folders = new Set(files.map(({ folder }) => folder).filter((folder) => folder !== ''))
    expect([...folders].filter((folder) => !text.includes(`\`${folder}\``))).toEqual([])
  })
})

describe('the reader of imports', () => {
  it('sees imports, re-exports, types and lazy imports, but not comments', () => {
    const text = [
      "import { a } from '../core/a.js'",
      "import type { B } from '../model/b.js'",
      "export * from './c.js'",
      "import './d.js'",
      "type E = import('./e.js').E",
      "const f = await import('opossum')",
      "// import { no } from './no.js'",
      "/** import { no } from './no.js' */",
      "const url = 'http://x' // from './no.js'",
      'const re = /[\'"]\\/\\/x/',
      'import {\n  type G,\n  h,\n} from "./g.js"',
    ].join('\n')
    expect(toSource('guard/x.ts', text).imports).toEqual([
      '../core/a.js',
      '../model/b.js',
      './c.js',
      './d.js',
      './e.js',
      'opossum',
      './g.js',
    ])
  })

  it('finds a cycle of two files and of one', () => {
    const a = toSource('core/a.ts', "import type { B } from './b.js'")
    const b = toSource('core/b.ts', "import { a } from './a.js'")
    const self = toSource('core/c.ts', "import { c } from './c.js'")
    expect(cycles([a, b, self])).toEqual([
      'core/a.ts -> core/b.ts -> core/a.ts',
      'core/c.ts -> core/c.ts',
    ])
  })
})
