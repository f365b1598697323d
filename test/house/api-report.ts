import { posix } from 'node:path'
import { withoutComments } from './sources.js'

/** A declaration, known by its file in `dist` and its name there. */
interface Ref {
  readonly file: string
  readonly name: string
}

interface Module {
  /** Texts by name; several for overloads and merged declarations. */
  readonly declared: ReadonlyMap<string, readonly string[]>
  readonly imported: ReadonlyMap<string, Ref>
  /** By public name. */
  readonly exported: ReadonlyMap<string, Ref>
  readonly stars: readonly string[]
}

const keywords = '(?:abstract class|class|interface|type|function|const enum|enum|const|let)'
const declaration = new RegExp(`^(export )?(?:declare )?(${keywords} ([\\w$]+)[^]*)$`)
const names = /^(import|export) (?:type )?\{([^}]*)\}(?: from ['"]([^'"]+)['"])?;?$/
const star = /^export \* from ['"]([^'"]+)['"];?$/
const inlineImport = /import\(['"](\.[^'"]+)['"]\)\.([\w$]+)/g

/**
 * What users of the built declarations can see, one section per entry: each export with its
 * declaration, sorted, without comments and private members, then what these declarations mention
 * but no entry exports.
 *
 * Reads the text that `tsc` prints, where every statement starts in the first column.
 * A statement it does not know is an error, never left out.
 */
export function apiReport(
  read: (file: string) => string,
  entries: ReadonlyMap<string, string>,
): string {
  const modules = new Map<string, Module>()
  const load = (file: string): Module => {
    const module = modules.get(file) ?? parse(file, read(file))
    modules.set(file, module)
    return module
  }

  /** Follows imports and re-exports to the declaration; nothing for what is not ours. */
  const resolve = ({ file, name }: Ref): Ref | undefined => {
    if (!file.endsWith('.d.ts')) return undefined
    const { declared, imported, exported, stars } = load(file)
    if (declared.has(name)) return { file, name }
    const next = exported.get(name) ?? imported.get(name)
    if (next) return resolve(next)
    return stars.map((from) => resolve({ file: from, name })).find((found) => found !== undefined)
  }

  const exportsOf = (file: string): Map<string, Ref> => {
    const { exported, stars } = load(file)
    return new Map([...stars.flatMap((from) => [...exportsOf(from)]), ...exported])
  }

  const mentioned = ({ file, name }: Ref): Ref[] => {
    const text = (load(file).declared.get(name) ?? []).join('\n')
    const words = [...text.matchAll(/[\w$]+/g)].map(([word]) => ({ file, name: word }))
    const inline = [...text.matchAll(inlineImport)].map(([, from = '', word = '']) => ({
      file: fileOf(file, from),
      name: word,
    }))
    return [...words, ...inline].flatMap((ref) => resolve(ref) ?? [])
  }

  const homes = new Map<string, string>()
  const sections: string[] = []
  for (const [entry, file] of entries) {
    const texts: string[] = []
    for (const [name, ref] of sorted(exportsOf(file))) {
      const target = resolve(ref)
      if (!target) throw new Error(`${entry} exports ${name}, which no built file declares`)
      const home = homes.get(keyOf(target))
      homes.set(keyOf(target), home ?? entry)
      if (target.name !== name) texts.push(`export { ${target.name} as ${name} }`)
      texts.push(
        home ? `export { ${target.name} } from '${home}'` : print(load(target.file), target.name),
      )
    }
    sections.push(`## \`${entry}\``, fenced(texts))
  }

  const hidden = new Map<string, Ref>()
  const queue = [...homes.keys()].map(refOf)
  for (let ref = queue.pop(); ref; ref = queue.pop()) {
    for (const target of mentioned(ref)) {
      if (homes.has(keyOf(target)) || hidden.has(keyOf(target))) continue
      hidden.set(keyOf(target), target)
      queue.push(target)
    }
  }
  const texts = sorted(hidden).map(([, { file, name }]) => print(load(file), name))
  if (texts.length > 0) sections.push('## Mentioned above, not exported', fenced(texts))
  return sections.join('\n\n')
}

function parse(file: string, text: string): Module {
  const declared = new Map<string, string[]>()
  const imported = new Map<string, Ref>()
  const exported = new Map<string, Ref>()
  const stars: string[] = []
  for (const statement of statementsOf(text)) {
    const [, isExported, body = '', name = ''] = declaration.exec(statement) ?? []
    const [, verb, list, from] = names.exec(statement.replace(/\s+/g, ' ')) ?? []
    const all = star.exec(statement)?.[1]
    if (name !== '') {
      declared.set(name, [...(declared.get(name) ?? []), body])
      if (isExported) exported.set(name, { file, name })
    } else if (list !== undefined) {
      const target = verb === 'import' ? imported : exported
      for (const [theirs, ours] of pairsOf(list)) {
        target.set(ours, { file: from ? fileOf(file, from) : file, name: theirs })
      }
    } else if (all !== undefined) {
      stars.push(fileOf(file, all))
    } else if (!/^import\b/.test(statement)) {
      throw new Error(`${file}: cannot read "${statement.slice(0, 80)}"`)
    }
  }
  return { declared, imported, exported, stars }
}

/** `type A, B as C` is A as A and B as C. */
const pairsOf = (list: string): [theirs: string, ours: string][] =>
  list
    .split(',')
    .map((item) => item.trim().replace(/^type /, ''))
    .filter((item) => item !== '')
    .map((item) => {
      const [theirs = '', ours = theirs] = item.split(' as ')
      return [theirs, ours]
    })

function statementsOf(text: string): string[] {
  const statements: string[] = []
  for (const line of withoutComments(text).split('\n')) {
    if (line.trim() === '') continue
    if (/^[a-z]/.test(line)) statements.push(line.trimEnd())
    else statements.push(`${statements.pop() ?? ''}\n${line.trimEnd()}`)
  }
  return statements
}

const print = (module: Module, name: string): string =>
  (module.declared.get(name) ?? [])
    .map((text) => text.replace(/\n\s+(?:#private|private\s[^\n]*);(?=\n)/g, ''))
    .join('\n')

const fileOf = (from: string, specifier: string): string =>
  specifier.startsWith('.')
    ? posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.d.ts')
    : specifier

const keyOf = ({ name, file }: Ref): string => `${name} ${file}`

const refOf = (key: string): Ref => {
  const [name = '', file = ''] = key.split(' ')
  return { name, file }
}

const sorted = <T>(map: ReadonlyMap<string, T>): [string, T][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1))

const fenced = (texts: readonly string[]): string => ['```ts', texts.join('\n\n'), '```'].join('\n')
