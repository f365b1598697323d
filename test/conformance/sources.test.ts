import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Source, View } from '../../src/discovery/source.js'
import { staticFile } from '../../src/discovery/static-file.js'
import { sourceConformance } from '../../src/testing/index.js'

const folder = mkdtempSync(join(tmpdir(), 'switchgear-sources-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const builtIn: Readonly<Record<string, () => Source>> = {
  staticFile: () => {
    const path = join(folder, 'providers.json')
    writeFileSync(
      path,
      JSON.stringify([{ service: 'llm', name: 'a', address: 'http://127.0.0.1:1' }]),
    )
    return staticFile(path)
  },
}

describe.each(Object.entries(builtIn))('%s', (_, make) => {
  for (const { name, run } of sourceConformance(make)) it(name, run)
})

describe('the suite', () => {
  const view: View = [{ service: 's', name: 'a' }]
  const broken: Readonly<Record<string, Source>> = {
    'has a name that stays': {
      name: ' ',
      async *watch() {
        yield view
      },
    },
    'yields what it sees without waiting for a change': { name: 'x', async *watch() {} },
    'gives sightings that can be registered, each name once': {
      name: 'x',
      async *watch() {
        yield [...view, ...view]
      },
    },
    'ends when the signal aborts': {
      name: 'x',
      async *watch() {
        for (;;) yield view
      },
    },
    'ends at once when the signal has aborted before': {
      name: 'x',
      async *watch(signal) {
        if (signal.aborted) throw new Error('odd')
        yield view
      },
    },
    'sees the same when it is watched again': (() => {
      let count = 0
      return {
        name: 'x',
        async *watch() {
          count += 1
          yield [{ service: 's', name: `a${count}` }]
        },
      }
    })(),
  }

  it.each(Object.entries(broken))('finds one that breaks: %s', async (promise, source) => {
    const check = sourceConformance(() => source).find(({ name }) => name === promise)
    await expect(check?.run()).rejects.toThrow()
  })
})
