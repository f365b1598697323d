import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { filesUnder, root } from '../house/sources.js'
import { textOf } from './files.js'

/** All that the program may say: its source, without what breaks a text over lines or quotes in it. */
const said = filesUnder(join(root, 'src'), '.ts')
  .map((file) => readFileSync(join(root, 'src', file), 'utf8'))
  .join('\n')
  .replace(/['"`] \+\s*['"`]/g, '')
  .replace(/\\(["'`])/g, '$1')

/** Of OpenSSL, Redis, Node and gRPC. */
const ofOthers =
  /key values mismatch|self-signed certificate|ECONNREFUSED|Endpoint read failed|Socket closed|UNABLE_TO/

const page = textOf('docs/operate/troubleshoot.md')
const texts = [...page.matchAll(/^\| (?!You see|It says|The answer|---)(.*?) \| /gm)]
  .flatMap(([, cell = '']) => cell.match(/(?<=`)[^`|]+(?=`)/g) ?? [])
  .filter((text) => text.includes(' '))

/** The clauses of it that are the same for everybody: no names, paths, numbers and quotations. */
const clausesOf = (text: string): string[] =>
  text
    .replace(/^warn /, '')
    .split(/…|[,;:] |\b(?:because|ioredis)\b|\S*[\d/'"<>:]\S*|--\S+|\([^)]*\)/)
    .map((clause) => clause.trim().replace(/,$/, ''))
    .filter((clause) => clause.split(' ').length > 2 && !ofOthers.test(clause))

/** It may begin with a name that the program puts in, and a long one may end with one. */
function isSaid(clause: string): boolean {
  const shorter = [clause.replace(/^\S+ /, ''), clause.replace(/ \S+$/, '')]
  const long = shorter.filter((text, nth) => nth === 0 || text.split(' ').length > 3)
  return [clause, ...long].some((text) => said.includes(text))
}

it('what the page on trouble quotes is what the program says', () => {
  const clauses = texts.flatMap(clausesOf)
  expect(clauses.length).toBeGreaterThan(30)
  expect(clauses.filter((clause) => !isSaid(clause))).toEqual([])
})
