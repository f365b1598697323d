import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CorruptSnapshotError, UnsupportedSnapshotError } from '../../src/core/errors.js'
import { migrate } from '../../src/model/migrate.js'
import type { Migration } from '../../src/model/migrations/migration.js'
import { parseSnapshot } from '../../src/model/parse/snapshot.js'
import { schemaVersion } from '../../src/model/snapshot.js'

const fixture = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'))

const thrown = (run: () => unknown): Error => {
  try {
    run()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('nothing was thrown')
}

describe('migrate', () => {
  it('leaves a snapshot of today as it is', () => {
    const now = fixture('registry-2.0')
    expect(migrate(now)).toEqual(now)
  })

  it('reads the file of the story, version 1.0', () => {
    const { providers, models, health } = parseSnapshot(fixture('registry-1.0'))
    const [comfyui, rvc] = providers.map(({ record }) => record)
    expect(comfyui).toMatchObject({
      name: 'comfyui',
      service: 'comfyui',
      handlers: ['*'],
      version: '0.3.64',
      apiVersion: '1.0',
      models: ['sd-xl', 'ltx-video', 'cogvideo'],
      limits: { vram_gb: 24 },
    })
    expect(comfyui?.capabilities).toEqual([
      {
        name: 'image_generation',
        version: '1.0',
        parameters: { width: { type: 'int', min: 64, max: 2048 } },
        constraints: { loras: true },
      },
      {
        name: 'video_generation',
        version: '1.0',
        parameters: { models: { type: 'array', items: { values: ['ltx-video', 'cogvideo'] } } },
      },
    ])
    expect(rvc?.version).toBeUndefined()
    expect(models).toHaveLength(2)
    expect(models[0]).toMatchObject({
      id: 'gpt-4o-mini',
      provider: 'openai',
      capabilities: ['chat', 'text_generation'],
      contextLength: 128_000,
      costPer1k: { input: 0.00015, output: 0.0006 },
      provenance: {
        contextLength: { kind: 'declared', at: Date.parse('2026-01-15T10:30:00Z') },
        'capabilities.chat': { kind: 'declared' },
      },
    })
    expect(health).toEqual([
      { provider: 'comfyui', status: 'healthy', checkedAt: Date.parse('2026-01-15T10:29:00Z') },
    ])
  })

  it('does not change the document it is given', () => {
    const before = fixture('registry-1.0')
    migrate(before)
    expect(before).toEqual(fixture('registry-1.0'))
  })

  it('refuses a version of the future with the text that is promised', () => {
    const error = thrown(() => migrate({ schemaVersion: '9.0', providers: [] }, [], 'the store'))
    expect(error).toBeInstanceOf(UnsupportedSnapshotError)
    expect(error.message).toContain('Unsupported registry version: 9.0')
    expect(error.message).toContain('the store')
    expect(error).toMatchObject({ schemaVersion: '9.0', code: 'SWITCHGEAR_UNSUPPORTED_SNAPSHOT' })
  })

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['a text', 'x'],
    ['an object without a version', { services: {} }],
    ['a version of a wrong type', { version: {} }],
  ])('refuses %s', (_, document) => {
    expect(thrown(() => migrate(document))).toBeInstanceOf(CorruptSnapshotError)
  })

  const from09: Migration = {
    from: '0.9',
    to: '1.0',
    migrate: ({ backends }) => ({ version: '1.0', services: backends }),
  }

  it('runs a migration of the user before its own: a 0.9 file', () => {
    const old = { version: '0.9', backends: { a: { capabilities: [{ name: 'chat' }] } } }
    const { providers } = parseSnapshot(old, [from09])
    expect(providers[0]?.record).toMatchObject({ name: 'a', capabilities: [{ name: 'chat' }] })
    expect(() => parseSnapshot(old)).toThrow('Unsupported registry version: 0.9')
  })

  it('says which migration failed, and ends one that runs in circles', () => {
    const failing: Migration = {
      from: '0.9',
      to: '1.0',
      migrate: () => {
        throw new Error('no backends')
      },
    }
    const error = thrown(() => migrate({ version: '0.9' }, [failing]))
    expect(error).toBeInstanceOf(CorruptSnapshotError)
    expect(error.message).toContain('from 0.9 to 1.0')
    expect(error.cause).toMatchObject({ message: 'no backends' })
    const circle: Migration = { from: '0.9', to: '0.9', migrate: (document) => document }
    expect(() => migrate({ version: '0.9' }, [circle])).toThrow(UnsupportedSnapshotError)
  })

  it('has a fixture for the schema of today', () => {
    expect(fixture(`registry-${schemaVersion}`).schemaVersion).toBe(schemaVersion)
  })
})

describe('parseSnapshot', () => {
  it('reads the fixture of 2.0, times without limit included', () => {
    const parsed = parseSnapshot(fixture('registry-2.0'))
    expect(parsed.providers[0]?.record).toMatchObject({
      name: 'openai',
      priority: 1,
      concurrency: 8,
    })
    expect(parsed.providers[0]?.circuit).toEqual({
      failureThreshold: 3,
      timeoutMs: Number.POSITIVE_INFINITY,
    })
    expect(parsed.capabilities[0]).toMatchObject({ name: 'dubbing' })
    expect(parsed.circuits[0]).toMatchObject({ provider: 'openai', retryAt: 1_790_000_050_000 })
    expect(parsed.health[0]).toMatchObject({ provider: 'openai', status: 'degraded' })
  })

  const provider = (fixture('registry-2.0').providers as Record<string, unknown>[])[0]
  const snapshot = (rest: Record<string, unknown>): Record<string, unknown> => ({
    schemaVersion,
    savedAt: '2026-11-21T04:00:00.000Z',
    ...rest,
  })

  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      'a bad third entry',
      { providers: [provider, { ...provider, name: 'b' }, { ...provider, name: 'c', weight: -1 }] },
      /providers\[2\] \("c"\)\.weight: .*got -1/,
    ],
    [
      'a provider without a name',
      { providers: [{ ...provider, name: undefined }] },
      /providers\[0\].*name: .*got nothing/,
    ],
    [
      'a name twice',
      { providers: [provider, provider] },
      /providers\[1\] \("openai"\): is there twice/,
    ],
    [
      'an unknown field',
      { providers: [{ ...provider, colour: 'red' }] },
      /colour: is not a known field/,
    ],
    ['an unknown section', { plugins: [] }, /plugins: is not a known section/],
    ['a section that is no list', { models: {} }, /models: expected a list/],
    ['a model without a provider', { models: [{ id: 'x' }] }, /models\[0\] \("x"\)\.provider/],
    [
      'a circuit of a wrong state',
      { circuits: [{ provider: 'a', state: 'ajar', failures: 0 }] },
      /circuits\[0\] \("a"\)\.state/,
    ],
    [
      'health that is none',
      { health: [{ provider: 'a', status: 'fine', checkedAt: 1 }] },
      /health\[0\] \("a"\)\.status/,
    ],
    [
      'a definition without a version',
      { capabilities: [{ name: 'x', parameters: {} }] },
      /capabilities\[0\] \("x"\)\.version/,
    ],
    [
      'an entry that is null',
      { providers: [null] },
      /providers\[0\]: expected a provider, got null/,
    ],
  ])('names what is wrong: %s', (_, rest, message) => {
    const error = thrown(() => parseSnapshot(snapshot(rest)))
    expect(error).toBeInstanceOf(CorruptSnapshotError)
    expect(error.message).toMatch(message)
  })

  it('lists twenty mistakes and counts the rest', () => {
    const bad = Array.from({ length: 50 }, (_, at) => ({ ...provider, name: `p${at}`, group: 0.5 }))
    const error = thrown(() => parseSnapshot(snapshot({ providers: bad })))
    expect(error.message).toContain('has 50 mistakes')
    expect(error.message.split('\n')).toHaveLength(22)
  })

  it('does not show a secret that is of the wrong type', () => {
    const bad = { ...provider, metadata: { apiKey: () => 'sk-real' } }
    expect(thrown(() => parseSnapshot(snapshot({ providers: [bad] }))).message).not.toContain(
      'sk-real',
    )
  })
})
