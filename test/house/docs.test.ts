import { type ExecFileException, execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Block, blocksOf, brokenLinks, type Line } from './markdown.js'
import { needs } from './needs.js'
import { filesUnder, root } from './sources.js'

/**
 * What the words after the language of a code block mean:
 *   ```ts            must compile, on its own, for a user of the built package
 *   ```ts continued  goes on where the block of code before it on the page ended
 *   ```ts run        also runs, offline; when ```text output is the next block, it prints that
 */
const languages: Readonly<Record<string, string>> = {
  ts: 'ts',
  typescript: 'ts',
  js: 'js',
  javascript: 'js',
  mjs: 'js',
}

/** Declarations as built; `api.test.ts` compares them. */
const generated = 'docs/reference/api.md'

/** Inside the project, so that the package finds itself by name, and ignored by git. */
const folder = join(root, `reports/docs-${process.pid}`)
const limitMs = 20_000

interface Example {
  readonly title: string
  /** The file that it is written to, such as `docs-guide-start-12.ts`. */
  readonly file: string
  readonly lines: readonly Line[]
  readonly runs: boolean
  readonly output?: string
}

const pages = ['README.md', ...filesUnder(join(root, 'docs'), '.md').map((path) => `docs/${path}`)]
  .filter((page) => existsSync(join(root, page)))
  .map((page) => ({ page, text: readFileSync(join(root, page), 'utf8') }))

function examplesOf(page: string, blocks: readonly Block[]): Example[] {
  const examples: Example[] = []
  for (const [index, { language, words, lines }] of blocks.entries()) {
    const end = languages[language]
    if (end === undefined) continue
    const at = lines[0]?.at ?? 0
    const next = blocks[index + 1]
    const before = words.includes('continued') ? (examples.at(-1)?.lines ?? []) : []
    const output = next?.language === 'text' && next.words.includes('output') ? next : undefined
    examples.push({
      title: `${page}:${at}`,
      file: `${page.replace(/\.md$/, '').replaceAll('/', '-')}-${at}.${end}`,
      lines: [...before, ...lines],
      runs: words.includes('run'),
      ...(output && { output: output.lines.map(({ text }) => text).join('\n') }),
    })
  }
  return examples
}

const examples = pages
  .filter(({ page }) => page !== generated)
  .flatMap(({ page, text }) => examplesOf(page, blocksOf(text)))

const tsconfig = {
  compilerOptions: {
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    module: 'nodenext',
    moduleDetection: 'force',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    allowJs: true,
    checkJs: true,
    rootDir: '.',
    outDir: 'out',
  },
  include: ['*.ts', '*.js'],
}

interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const run = (...args: string[]): Promise<Finished> =>
  new Promise((resolve) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string): void =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr })
    execFile(process.execPath, args, { cwd: folder, timeout: limitMs }, done)
  })

/** Compiles all examples at once and says what is wrong, by page and line. */
async function compile(): Promise<string[]> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  for (const { file, lines } of examples) {
    writeFileSync(join(folder, file), lines.map(({ text }) => text).join('\n'))
  }
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { code, stdout, stderr } = await run(tsc, '--pretty', 'false')
  const problems = stdout.split('\n').flatMap(onPage)
  return code !== 0 && stdout === '' ? [stderr] : problems
}

function onPage(line: string): string[] {
  const [, file, row, code = '', message = ''] =
    /^(\S+)\((\d+),\d+\): error (TS\d+): (.*)/.exec(line) ?? []
  const example = examples.find((candidate) => candidate.file === file)
  // Plain JavaScript cannot name the types of its parameters.
  if (example?.file.endsWith('.js') && code.startsWith('TS7')) return []
  if (example === undefined) return /error TS/.test(line) ? [line] : []
  const at = example.lines[Number(row) - 1]?.at ?? '?'
  return [`${example.title.replace(/:\d+$/, '')}:${at} ${code} ${message}`]
}

function read(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  return path.endsWith('.md') ? readFileSync(path, 'utf8') : ''
}

describe('documentation', () => {
  it('has examples, and at least one that runs in the README', (context) => {
    needs(context, existsSync(join(root, 'README.md')), 'README.md is not written yet')
    expect(examples.filter(({ title, runs }) => title.startsWith('README') && runs)).not.toEqual([])
  })

  it.each(pages)('has no broken links in $page', ({ page, text }) => {
    expect(brokenLinks(text, join(root, page), read)).toEqual([])
  })
})

describe.skipIf(examples.length === 0)('examples', () => {
  let problems: readonly string[] = []

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  beforeAll(async () => {
    if (existsSync(join(root, 'dist/index.js'))) problems = await compile()
  })

  it('compile', (context) => {
    needs(context, existsSync(join(root, 'dist/index.js')), 'dist is not built: npm run build')
    expect(problems).toEqual([])
  })

  for (const { title, file, output } of examples.filter(({ runs }) => runs)) {
    it(`run: ${title}`, { timeout: limitMs + 5_000 }, async (context) => {
      needs(context, existsSync(join(root, 'dist/index.js')), 'dist is not built: npm run build')
      const preload = new URL('offline.mjs', import.meta.url).href
      const script = join('out', file.replace(/\.ts$/, '.js'))
      const { code, stdout, stderr } = await run('--import', preload, script)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      if (output !== undefined) expect(stdout.trimEnd()).toBe(output.trimEnd())
    })
  }
})

describe('the reader of pages', () => {
  const page = [
    '# Title: `a[0]` & more',
    '[a](there.md), [b](gone.md), [c](#title-a0--more), [d](#gone), [e](https://x.y/z)',
    '```ts run',
    "const link = '[x](not-a-link.md)'",
    '```',
    'Prose in between.',
    '```text output',
    'printed',
    '```',
    '```js continued',
    'link',
    '```',
  ].join('\n')

  it('finds code, what it prints and what it continues', () => {
    const first = { text: "const link = '[x](not-a-link.md)'", at: 4 }
    expect(examplesOf('docs/a.md', blocksOf(page))).toEqual([
      { title: 'docs/a.md:4', file: 'docs-a-4.ts', lines: [first], runs: true, output: 'printed' },
      {
        title: 'docs/a.md:11',
        file: 'docs-a-11.js',
        lines: [first, { text: 'link', at: 11 }],
        runs: false,
      },
    ])
  })

  it('finds broken links, to headings too, outside code', () => {
    const known = new Map([
      ['/docs/a.md', page],
      ['/docs/there.md', ''],
    ])
    expect(brokenLinks(page, '/docs/a.md', (path) => known.get(path))).toEqual(['gone.md', '#gone'])
  })
})
