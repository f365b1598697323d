import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface SourceFile {
  /** Relative to `src`, with forward slashes: `guard/circuit.ts`. */
  readonly path: string
  /** The first folder of the path; empty for a file at the root of `src`. */
  readonly folder: string
  readonly text: string
  /** The text without comments. */
  readonly code: string
  /** The code without the contents of quoted strings, so that a message is no evidence. */
  readonly bare: string
  /** Every module it names, in order: imports, re-exports, types, `import()`. */
  readonly imports: readonly string[]
}

export const readSources = (folder = join(root, 'src')): SourceFile[] =>
  filesUnder(folder, '.ts').map((path) => toSource(path, readFileSync(join(folder, path), 'utf8')))

/** Relative paths of all files whose name ends so, sorted; none when there is no such folder. */
export const filesUnder = (folder: string, end: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((path) => path.replaceAll('\\', '/'))
        .filter((path) => path.endsWith(end))
        .sort()
    : []

export function toSource(path: string, text: string): SourceFile {
  const code = withoutComments(text)
  return {
    path,
    folder: path.includes('/') ? path.slice(0, path.indexOf('/')) : '',
    text,
    code,
    bare: code.replace(tokens, (token) => (/^['"]/.test(token) ? "''" : token)),
    imports: importsOf(code),
  }
}

/** The file that a relative import means: `./clock.js` in `core/a.ts` is `core/clock.ts`. */
export const fileOf = (from: string, specifier: string): string =>
  posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts')

// Strings, templates and regular expressions are matched first, so that what looks like
// a comment inside one of them stays.
const tokens =
  /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[(=,:[!&|?{};\n]\s*|return )\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g

export const withoutComments = (text: string): string =>
  text.replace(tokens, (token) =>
    /^\/[*/]/.test(token) ? token.replace(/[^\n]/g, '') || ' ' : token,
  )

const importsOf = (code: string): string[] =>
  [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)['"]([^'"\n]+)['"]/g)].map(
    ([, specifier = '']) => specifier,
  )
