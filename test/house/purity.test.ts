import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readSources, root, type SourceFile, toSource } from './sources.js'

/** The one file through which each third-party package enters. */
const doors: Readonly<Record<string, string>> = {
  eventemitter3: 'core/events.ts',
  'p-limit': 'core/limit.ts',
  semver: 'core/version.ts',
  opossum: 'guard/opossum.ts',
  undici: 'core/connection.ts',
  'prom-client': 'telemetry/prom-client.ts',
  '@opentelemetry/api': 'telemetry/opentelemetry.ts',
  '@grpc/grpc-js': 'core/grpc.ts',
  '@grpc/proto-loader': 'wire/proto/definition.ts',
  '@grpc/reflection': 'server/grpc/reflection.ts',
  'grpc-health-check': 'server/grpc/health.ts',
  ioredis: 'store/redis-client.ts',
  openai: 'discovery/connect/openai.ts',
  '@gradio/client': 'discovery/connect/gradio-client.ts',
  '@modelcontextprotocol/client': 'discovery/connect/mcp.ts',
  '@a2a-js/sdk': 'discovery/connect/a2a.ts',
  hono: 'server/rest/app.ts',
  '@hono/node-server': 'server/rest/listen.ts',
}

/** May be used anywhere: schemas belong to what they describe. */
const anywhere = ['zod']

interface Rule {
  readonly name: string
  readonly pattern: RegExp
  /** `text` where comments count too. */
  readonly reads?: 'text' | 'code'
  readonly allowed?: (path: string) => boolean
}

const only = (file: string) => (path: string) => path === file

const rules: readonly Rule[] = [
  {
    name: 'timers and time only in core/clock.ts',
    pattern:
      /\b(?:(?:set|clear)(?:Timeout|Interval|Immediate)|Date(?!\s*\.\s*(?:parse|UTC)\b)|performance\s*\.|hrtime|AbortSignal\s*\.\s*timeout)\b/g,
    allowed: only('core/clock.ts'),
  },
  {
    name: 'modules of time only in core/clock.ts',
    pattern: /['"](?:node:)?(?:timers(?:\/promises)?|perf_hooks)['"]/g,
    reads: 'code',
    allowed: only('core/clock.ts'),
  },
  {
    name: 'chance only in core/random.ts',
    pattern: /\bMath\s*\.\s*random\b/g,
    allowed: only('core/random.ts'),
  },
  {
    name: 'output only in cli/',
    pattern: /\bconsole\b|\bprocess\s*\.\s*std(?:out|err)\b/g,
    allowed: (path) => path.startsWith('cli/'),
  },
  { name: 'no any', pattern: /(?<![.#\w$])any\b(?!\s*[(:?=])/g },
  { name: 'no silenced compiler', pattern: /@ts-(?:ignore|expect-error|nocheck)/g, reads: 'text' },
  { name: 'no default exports', pattern: /\bexport\s+default\b|\bas\s+default\b/g },
  { name: 'no enum', pattern: /\benum\s+\w+\s*\{/g },
  { name: 'no namespace', pattern: /\bnamespace\s+\w+\s*\{/g },
]

function breaches(rule: Rule, files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !rule.allowed?.(path))
    .flatMap((file) => {
      const text = file[rule.reads ?? 'bare']
      return [...text.matchAll(rule.pattern)].map(
        ({ 0: found, index }) => `${file.path}:${text.slice(0, index).split('\n').length} ${found}`,
      )
    })
}

const isPackage = (name: string): boolean =>
  !name.startsWith('.') && !name.startsWith('node:') && !builtinModules.includes(name)

const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')

const strayPackages = (files: readonly SourceFile[]): string[] =>
  files.flatMap((file) =>
    file.imports
      .filter(isPackage)
      .map(packageOf)
      .filter((name) => !anywhere.includes(name) && doors[name] !== file.path)
      .map((name) => `${file.path} imports ${name}, whose door is ${doors[name] ?? 'nowhere'}`),
  )

const files = readSources()

describe('purity', () => {
  it.each(rules)('$name', (rule) => {
    expect(breaches(rule, files)).toEqual([])
  })

  it('lets each third-party package in through exactly one file', () => {
    expect(strayPackages(files)).toEqual([])
  })

  it('names builtins with node:', () => {
    const plain = files.flatMap(({ path, imports }) =>
      imports.filter((name) => builtinModules.includes(name)).map((name) => `${path} ${name}`),
    )
    expect(plain).toEqual([])
  })

  it('has a door for every dependency of package.json, and no door for anything else', () => {
    const manifest: { dependencies: object; peerDependencies?: object } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    )
    // Types that our declarations mention are a dependency of their users, but no code.
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter(
      (name) => !name.startsWith('@types/'),
    )
    expect([...Object.keys(doors), ...anywhere].sort()).toEqual(declared.sort())
  })
})

describe('the rules themselves', () => {
  const guilty: Readonly<Record<string, readonly string[]>> = {
    'timers and time only in core/clock.ts': [
      'setTimeout(f, 1)',
      'globalThis.setInterval(f)',
      'new Date()',
      'Date.now()',
      'performance.now()',
      'process.hrtime.bigint()',
      'AbortSignal.timeout(5)',
      `const at = ${'`${'}Date.now()}${'`'}`,
    ],
    'modules of time only in core/clock.ts': [
      "import { setTimeout as t } from 'node:timers/promises'",
    ],
    'chance only in core/random.ts': ['const pick = Math.random'],
    'output only in cli/': ['console.log(1)', 'process.stdout.write(x)'],
    'no any': ['let x: any', 'f<any>()', 'x as any', 'const y: any[] = []', 'Map<string, any>'],
    'no silenced compiler': ['// @ts-ignore', '/* @ts-expect-error */', '// @ts-nocheck'],
    'no default exports': ['export default 1', 'export { a as default }'],
    'no enum': ['export enum A { B }', 'const enum A { B }'],
    'no namespace': ['export namespace A { }'],
  }
  const innocent = [
    "throw new Error('console.log and Date.now() in setTimeout, any enum { }')",
    '// Date.now() and Math.random() and console.log: any',
    'AbortSignal.any([a, b])',
    'Promise.any(calls)',
    'const { Update, candidate } = x',
    'Date.parse(header)',
  ].join('\n')

  it.each(rules)('catches: $name', (rule) => {
    const lines = guilty[rule.name] ?? []
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) {
      expect(breaches(rule, [toSource('guard/x.ts', line)]), line).not.toEqual([])
    }
    expect(breaches(rule, [toSource('guard/x.ts', innocent)])).toEqual([])
  })

  it('catches a package at another door, by type and by subpath too', () => {
    const text = "import type C from 'opossum'\nimport 'semver/ranges/subset.js'\nimport '@a/b/c'"
    expect(strayPackages([toSource('guard/x.ts', text)])).toHaveLength(3)
    expect(strayPackages([toSource('guard/opossum.ts', "import 'opossum'")])).toEqual([])
  })
})
