import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { errorCodes } from '../../src/core/errors.js'
import { needs } from './needs.js'
import { root } from './sources.js'

const page = join(root, 'docs/reference/errors.md')

/** The code that each row of a table is about: the first one that the row names. */
const codesInTables = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.trimStart().startsWith('|'))
    .flatMap((line) => /SWITCHGEAR_[A-Z0-9_]+/.exec(line)?.[0] ?? [])

it('has a row in docs/reference/errors.md for every error code, and no other', (context) => {
  needs(context, existsSync(page), 'docs/reference/errors.md is not written yet')
  expect(codesInTables(readFileSync(page, 'utf8')).sort()).toEqual([...errorCodes].sort())
})

it('lists each error code once', () => {
  expect([...new Set(errorCodes)]).toEqual([...errorCodes])
})
