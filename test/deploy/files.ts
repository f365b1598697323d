import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { serve } from '../../src/cli/commands/serve.js'
import { root } from '../house/sources.js'

export const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')

/** YAML as what a test expects it to be; what is not so fails where it is looked at. */
export const yamlOf = <T>(file: string): T => parse(textOf(file), { merge: true }) as T

/** All documents of a file; a mistake of YAML throws. */
export function documentsOf<T>(file: string): readonly T[] {
  return parseAllDocuments(textOf(file)).map((document) => {
    for (const error of document.errors) throw error
    return document.toJS() as T
  })
}

/** What is wrong with the arguments of `switchgear`: not `serve`, a flag it has not, or one without its value. */
export function wrongArguments([command, ...rest]: readonly string[]): string[] {
  const wrong = command === 'serve' ? [] : [`${command} is not serve`]
  const flags: Readonly<Record<string, { readonly value?: string }>> = serve.flags
  for (let at = 0; at < rest.length; at += 1) {
    const name = rest[at]?.replace(/^--/, '') ?? ''
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
    if (flag === undefined || !rest[at]?.startsWith('--'))
      wrong.push(`no flag of serve: ${rest[at]}`)
    else if (flag.value !== undefined && (rest[++at] ?? '--').startsWith('--'))
      wrong.push(`--${name} needs ${flag.value}`)
  }
  return wrong
}

/** The variables that `switchgear serve --help` names, and those by which it finds its data directory. */
export const variables: ReadonlySet<string> = new Set([
  ...Object.values(serve.flags).flatMap(({ about }) => about.match(/\b[A-Z]+_[A-Z_]+\b/g) ?? []),
  'XDG_DATA_HOME',
  'HOME',
  'NODE_ENV',
])
