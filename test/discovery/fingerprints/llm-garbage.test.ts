/* Whatever answers, no fingerprint throws, and nothing is recognised that is not there. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Asking } from '../../../src/discovery/scan/asking.js'
import { backends } from '../../../src/testing/backends/all.js'
import type { Backend } from '../../../src/testing/backends/route.js'
import type { Answer } from '../../../src/testing/index.js'
import { fingerprintOf } from './ask.js'
import { llmKinds } from './llm-kinds.js'
import { answersOf, replay } from './replay.js'

const own = llmKinds.map(fingerprintOf)

/** Asks everything there is to ask. What it throws is thrown. */
async function everything(asking: Asking): Promise<readonly string[]> {
  const claims: string[] = []
  for (const { describe, kind, recognise } of own) {
    if ((await recognise(asking)) !== undefined) claims.push(kind)
    await describe(asking)
  }
  return claims
}

const statuses = fc.constantFrom(0, 200, 204, 302, 400, 401, 403, 404, 405, 418, 500, 503)

describe('answers that mean nothing', () => {
  it('random JSON, the same at every path', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), statuses, async (json, status) => {
        expect(await everything(replay(() => ({ status, json })))).toEqual([])
      }),
    )
  })

  const junk: Readonly<Record<string, Answer>> = {
    'a page': { contentType: 'text/html', text: '<!doctype html><title>App</title><div></div>' },
    nothing: { text: '' },
    null: { json: null },
    'a list': { json: [{ id: 'a' }] },
    'an empty object': { json: {} },
    ok: { json: { status: 'ok' } },
    'a version': { json: { version: '1.2.3' } },
    'an error of a FastAPI program': { status: 401, json: { detail: 'Not authenticated' } },
    'deep nesting': { text: `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}` },
    'a list without ids': { json: { object: 'list', data: [{}, null, 3, { id: 7 }] } },
    'a list that is an object': { json: { object: 'list', data: { id: 'm' }, models: {} } },
    'inherited names': { json: { __proto__: { result: 'KoboldCpp' }, constructor: 1 } },
    'a list of Ollama without digests': { json: { version: '0.5.0', models: [{ model: 'm' }] } },
    'a refusal of somebody': { status: 403, json: { error: 'Forbidden' } },
  }

  it.each(Object.entries(junk))('%s', async (_, answer) => {
    expect(await everything(replay(() => answer))).toEqual([])
  })
})

/** Every place in a body. */
function places(json: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof json !== 'object' || json === null) return [path]
  return [path, ...Object.entries(json).flatMap(([key, value]) => places(value, [...path, key]))]
}

function replaced(json: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value
  const entries = Object.entries(json as object).map(([name, old]) => [
    name,
    name === key ? replaced(old, rest, value) : old,
  ])
  return Array.isArray(json) ? entries.map(([, one]) => one) : Object.fromEntries(entries)
}

const wrong: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  '',
  '\u0000\n',
  'x'.repeat(2_000),
  [],
  [null],
  {},
  [[[[{}]]]],
]

/** What somebody can do to a field makes it at most no answer of that program; it is never another one. */
const mayBecome = (kind: string): readonly string[] => [kind, 'openai-compatible']

describe('a wrong type in any field', () => {
  it.each(llmKinds)('of %s', async (kind) => {
    const backend: Backend = backends[kind]
    const known = answersOf(backend)
    for (const place of Object.keys(backend.routes)) {
      const [method = '', path = ''] = place.split(' ')
      const { json, ...rest } = method === 'GET' ? known(method, path) : {}
      for (const at of places(json))
        for (const value of wrong) {
          const changed = { ...rest, json: replaced(json, at, value) }
          const asking = replay((how, where, body) =>
            how === method && where === path ? changed : known(how, where, body),
          )
          const { describe, recognise } = fingerprintOf(kind)
          await recognise(asking)
          await describe(asking)
        }
    }
  })

  it.each(llmKinds)('of %s does not make another program of it', async (kind) => {
    const known = answersOf(backends[kind])
    const anything = fc.constantFrom(...wrong)
    const routes = Object.keys(backends[kind].routes).filter((one) => one.startsWith('GET '))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...routes), anything, fc.nat(), async (place, value, n) => {
        const path = place.slice(4)
        const { json, ...rest } = known('GET', path)
        const all = places(json)
        const changed = { ...rest, json: replaced(json, all[n % all.length] ?? [], value) }
        const asking = replay((how, where, body) =>
          how === 'GET' && where === path ? changed : known(how, where, body),
        )
        const claims = await everything(asking)
        expect(claims.filter((one) => !mayBecome(kind).includes(one))).toEqual([])
      }),
      { numRuns: 60 },
    )
  })
})

describe('lists that are no help', () => {
  const many = Array.from({ length: 5_000 }, (_, at) => ({ id: `m${at % 100}`, owned_by: 'vllm' }))

  it('5,000 models, of which most are the same', async () => {
    const answers = answersOf(backends.vllm)
    const asking = replay((method, path) =>
      path === '/v1/models' ? { json: { object: 'list', data: many } } : answers(method, path),
    )
    const recognition = await fingerprintOf('vllm').recognise(asking)
    expect(recognition?.models).toHaveLength(100)
  })

  it.each(['9'.repeat(10_000), 'v1\nSet-Cookie: a', '', ' '])(
    'an absurd version is no version (%#)',
    async (version) => {
      const json = { result: 'KoboldCpp', version }
      const found = await fingerprintOf('koboldcpp').recognise(replay(() => ({ json })))
      expect(found).toMatchObject({ version: undefined })
    },
  )
})
