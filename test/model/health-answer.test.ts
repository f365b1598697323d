import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidRequestError } from '../../src/core/errors.js'
import type { Health } from '../../src/model/health.js'
import { type HealthAnswer, readHealthAnswer } from '../../src/model/health-answer.js'

const read = (body: unknown, known: readonly string[] = []): HealthAnswer =>
  readHealthAnswer(body, (name) => known.includes(name))

it('reads what the story has in a health answer', () => {
  const body = {
    status: 'healthy',
    service: 'wan2gp',
    version: '1.2.0',
    api_version: '1.1',
    models: ['causvid', 'hunyuan-video'],
    features: ['video_generation', 'txt2img', 'quick_preview', 'mine'],
    limits: { frames: 300, list: [1] },
    load: 0.25,
  }
  const answer = read(body, ['mine'])
  expect(answer).toEqual({
    status: 'healthy',
    version: '1.2.0',
    apiVersion: '1.1',
    models: ['causvid', 'hunyuan-video'],
    limits: { frames: 300, list: [1] },
    load: 0.25,
    capabilities: ['video_generation', 'image_generation', 'mine'],
    exhaustive: true,
    lacks: [],
    ignored: ['quick_preview'],
  })
  for (const part of [
    answer,
    answer.models,
    answer.capabilities,
    answer.limits,
    answer.limits?.list,
  ])
    expect(Object.isFrozen(part)).toBe(true)
})

it('does not speak of what the answer does not speak of', () => {
  expect(read({})).toEqual({
    status: 'healthy',
    version: undefined,
    apiVersion: undefined,
    models: undefined,
    limits: undefined,
    load: undefined,
    capabilities: undefined,
    exhaustive: false,
    lacks: [],
    ignored: [],
  })
  const nulls = {
    version: null,
    api_version: null,
    models: null,
    limits: null,
    load: null,
    features: null,
  }
  expect(read(nulls)).toEqual(read({}))
  expect(read({ version: 'unknown' }).version).toBeUndefined()
  expect(read({ models: [], features: [] })).toMatchObject({ models: [], capabilities: [] })
})

describe('load', () => {
  it.each<[unknown, number]>([
    [0, 0],
    [0.5, 0.5],
    [1, 1],
    ['0%', 0],
    ['73%', 0.73],
    [' 12.5 % ', 0.125],
    ['100%', 1],
  ])('%j is %d', (load, share) => {
    expect(read({ load })).toMatchObject({ load: share, ignored: [] })
  })

  it.each([
    73,
    1.01,
    -0.1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '73',
    '0.5',
    '101%',
    '-5%',
    '1e1%',
    '%',
    `${'9'.repeat(1_000)}%`,
    true,
    [0.5],
    { cpu: 0.5 },
  ])('%j may mean anything, so it means nothing', (load) => {
    expect(read({ load })).toMatchObject({ load: undefined, ignored: ['load'] })
  })
})

describe('status', () => {
  it.each<[unknown, Health]>([
    ...['healthy', 'ok', 'ready', 'up', 'pass', ' OK ', 'Healthy', 'SERVING', true].map(
      (word): [unknown, Health] => [word, 'healthy'],
    ),
    ...['degraded', 'warn'].map((word): [unknown, Health] => [word, 'degraded']),
    ...['loading', 'starting', 'initializing', 'Warming up'].map((word): [unknown, Health] => [
      word,
      'loading',
    ]),
    ...[
      'unhealthy',
      'down',
      'error',
      'fail',
      'critical',
      'NOT_SERVING',
      'out of service',
      false,
    ].map((word): [unknown, Health] => [word, 'unhealthy']),
    ...['strange', '', 'constructor', 200, {}, []].map((word): [unknown, Health] => [
      word,
      'unknown',
    ]),
  ])('%j is %s', (status, wanted) => {
    expect(read({ status }).status).toBe(wanted)
  })

  it.each<[object, Health]>([
    [{ version: '1' }, 'healthy'],
    [{ status: null }, 'healthy'],
    [{ ready: true }, 'healthy'],
    [{ ready: false }, 'loading'],
    [{ healthy: false }, 'unhealthy'],
    [{ ok: false }, 'unhealthy'],
    [{ state: 'down' }, 'unhealthy'],
    [{ error: 'out of memory' }, 'unhealthy'],
    [{ error: { code: 503, message: 'Loading model' } }, 'loading'],
    [{ error: {} }, 'unhealthy'],
    [{ error: null }, 'healthy'],
    [{ error: '' }, 'healthy'],
    [{ status: 'ok', error: 'an old one' }, 'healthy'],
  ])('of %j is %s', (body, wanted) => {
    expect(read(body).status).toBe(wanted)
  })
})

describe('features', () => {
  it.each([
    ['txt2img', 'image_generation'],
    ['img2img', 'image_generation'],
    ['Text to Image', 'image_generation'],
    ['t2v', 'video_generation'],
    ['image-to-video', 'video_generation'],
    ['tts', 'text_to_speech'],
    ['tools', 'function_calling'],
    ['thinking', 'reasoning'],
    ['voice_conversion', 'voice_cloning'],
    ['CHAT', 'chat'],
  ])('%s is %s', (feature, wanted) => {
    expect(read({ features: [feature] }).capabilities).toEqual([wanted])
  })

  it('are taken by their own name first, if that is defined', () => {
    expect(read({ features: ['music'] }).capabilities).toEqual(['audio_generation'])
    expect(read({ features: ['music'] }, ['music']).capabilities).toEqual(['music'])
    expect(read({ features: ['Quick Preview'] }, ['quick_preview']).capabilities).toEqual([
      'quick_preview',
    ])
  })

  it('may be a record, in which false means that it cannot and null nothing', () => {
    const features = {
      txt2img: true,
      img2img: false,
      t2v: false,
      tts: null,
      odd: true,
      chat: 'yes',
    }
    expect(read({ features })).toMatchObject({
      capabilities: ['image_generation'],
      lacks: ['video_generation'],
      ignored: ['odd'],
    })
  })

  it('may be objects with a name, and may be called capabilities', () => {
    const capabilities = [{ name: 'chat', version: '1' }, { other: 1 }, 7, null]
    expect(read({ capabilities })).toMatchObject({ capabilities: ['chat'], ignored: [] })
    expect(read({ features: 'chat' })).toMatchObject({
      capabilities: undefined,
      ignored: ['features'],
    })
  })
})

it('takes models as texts or as objects', () => {
  const models = ['a', { id: 'b' }, { name: 'c' }, { model: 'd' }, { id: 7 }, '', 'a', null, 'x\ny']
  expect(read({ models }).models).toEqual(['a', 'b', 'c', 'd'])
  expect(read({ models: { a: 1 } })).toMatchObject({ models: undefined, ignored: ['models'] })
})

it('takes versions as texts or numbers, of one line', () => {
  expect(read({ version: 2, apiVersion: 'v1' })).toMatchObject({ version: '2', apiVersion: 'v1' })
  expect(read({ version: {}, api_version: 'x'.repeat(300) })).toMatchObject({
    version: undefined,
    apiVersion: undefined,
  })
})

describe('hostile answers', () => {
  it.each([[undefined], [null], ['ok'], [7], [true], [[]], [['healthy']]])('refuses %j', (body) => {
    expect(() => read(body)).toThrow(InvalidRequestError)
    expect(() => read(body)).toThrow(/Invalid health answer:\n {2}it: expected an object, got/)
  })

  it('refuses lists too long for an answer', () => {
    for (const [field, count] of [
      ['models', 10_001],
      ['features', 1_001],
    ] as const)
      expect(() => read({ [field]: Array(count).fill('x') })).toThrow(
        `${field}: expected at most ${count - 1} entries, got ${count}`,
      )
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`k${n}`, true]))
    expect(() => read({ limits: many })).toThrow(InvalidRequestError)
    expect(() => read({ features: many })).toThrow(InvalidRequestError)
  })

  it('refuses what cannot be read, and ignores limits that cannot be written down', () => {
    const trap = {
      get status(): string {
        throw new Error('boo')
      },
    }
    expect(() => read(trap)).toThrow(/reading one threw: boo/)
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(() => read(proxy)).toThrow(InvalidRequestError)
    const circle: Record<string, unknown> = {}
    circle.self = circle
    for (const limits of [circle, { f: () => 1 }, [1], 'x'])
      expect(read({ limits })).toMatchObject({ limits: undefined, ignored: ['limits'] })
  })

  it('takes no prototype for a field, and changes none', () => {
    const body: unknown = JSON.parse(
      '{"__proto__":{"status":"down"},"limits":{"__proto__":{"x":1}},"features":{"__proto__":true,"constructor":true}}',
    )
    expect(read(body)).toMatchObject({ status: 'healthy', capabilities: [] })
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })

  it('survives anything that JSON can hold', () => {
    const key = fc.constantFrom('status', 'version', 'models', 'features', 'limits', 'error', 'id')
    const value = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(key, fc.jsonValue()),
      fc.array(fc.jsonValue()),
    )
    fc.assert(
      fc.property(fc.dictionary(key, value), (body) => {
        const answer = read(body)
        expect(['healthy', 'degraded', 'unhealthy', 'loading', 'unknown']).toContain(answer.status)
        expect(JSON.parse(JSON.stringify(answer))).toBeDefined()
      }),
    )
  })
})
