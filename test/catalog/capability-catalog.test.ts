import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CapabilityCatalog, type DefinitionChange } from '../../src/catalog/capability-catalog.js'
import {
  InvalidRegistrationError,
  InvalidRequestError,
  UnknownCapabilityError,
} from '../../src/core/errors.js'
import type { CapabilityDefinition } from '../../src/model/definition.js'
import { parseDefinition } from '../../src/model/parse/definition.js'
import { standardCapabilities } from '../../src/model/standard-capabilities.js'
import { wants } from '../house/needs.js'
import { root } from '../house/sources.js'

const definition = (
  version: string,
  parameters: CapabilityDefinition['parameters'] = {},
): CapabilityDefinition => ({ name: 'x', version, parameters })

const catalogOf = (...versions: string[]): CapabilityCatalog =>
  new CapabilityCatalog(versions.map((version) => definition(version)))

const keys = (list: readonly CapabilityDefinition[]): string[] =>
  list.map(({ name, version }) => `${name}@${version}`)

/** A list with what `changed` was told. */
function watched(): { readonly catalog: CapabilityCatalog; readonly changes: DefinitionChange[] } {
  const changes: DefinitionChange[] = []
  return { catalog: new CapabilityCatalog([], (change) => changes.push(change)), changes }
}

describe('the standard definitions', () => {
  it('are frozen, of version 1.0, labelled, described, each once, and valid', () => {
    expect(Object.isFrozen(standardCapabilities)).toBe(true)
    for (const one of standardCapabilities) {
      expect(one).toMatchObject({
        version: '1.0',
        label: expect.stringMatching(/\S/),
        description: expect.stringMatching(/\S/),
      })
      expect(Object.isFrozen(one) && Object.isFrozen(one.parameters)).toBe(true)
      expect(parseDefinition(one)).toEqual(one)
    }
    const names = standardCapabilities.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  const accepted: readonly (readonly [string, string, readonly unknown[], readonly unknown[]])[] = [
    ['image_generation', 'width', [64, 2_048], [63, 2_049, 64.5, '64']],
    ['image_generation', 'height', [64, 2_048], [63, 2_049]],
    ['image_generation', 'steps', [1, 150], [0, 151]],
    ['image_generation', 'models', [[], ['sd-xl', 'flux-1']], ['sd-xl', [1]]],
    ['video_generation', 'width', [64, 1_920], [63, 1_921]],
    ['video_generation', 'height', [64, 1_080], [63, 1_081]],
    ['video_generation', 'frames', [1, 300], [0, 301]],
    ['video_generation', 'fps', [1, 60], [0, 61]],
    ['video_generation', 'models', [['ltx-video', 'cogvideo']], [[null]]],
    ['audio_generation', 'duration', [0.1, 300], [0.09, 300.1]],
    ['audio_generation', 'sample_rate', [16_000, 22_050, 44_100, 48_000], [8_000, 16_001, '16000']],
    ['audio_generation', 'models', [['audioldm-l']], ['audioldm-l']],
    ['text_generation', 'max_tokens', [1, 100_000], [0, 100_001, 1.5]],
    ['text_generation', 'temperature', [0, 0.7, 2], [-0.1, 2.1, Number.NaN]],
    ['text_generation', 'top_p', [0, 1], [-0.1, 1.1]],
    ['chat', 'system_prompt', ['', 'be brief'], [1]],
    ['chat', 'history_length', [0, 100], [-1, 101]],
    ['voice_cloning', 'models', [['rvc-v2']], [['rvc-v2', 2]]],
    ['voice_cloning', 'audio_formats', [['wav', 'mp3']], [['wav', 'doc'], 'wav']],
  ]

  it.each(accepted)('%s takes %s as the story says', (name, parameter, good, bad) => {
    const catalog = new CapabilityCatalog()
    for (const value of good)
      expect(catalog.validate(name, { [parameter]: value })).toEqual({ valid: true, issues: [] })
    for (const value of bad)
      expect(catalog.validate(name, { [parameter]: value }).valid, String(value)).toBe(false)
  })

  it('say nothing more of what the story defines', () => {
    const catalog = new CapabilityCatalog()
    for (const name of new Set(accepted.map(([one]) => one))) {
      const parameters = accepted.filter(([one]) => one === name).map(([, parameter]) => parameter)
      expect(Object.keys(catalog.get(name)?.parameters ?? {})).toEqual(parameters)
    }
  })

  it('hold the whole vocabulary of the back ends', () => {
    const catalog = new CapabilityCatalog()
    const vocabulary = `image_generation video_generation audio_generation voice_cloning
      text_generation chat embeddings vision function_calling structured_output reasoning
      speech_to_text text_to_speech rerank moderation ocr audio_input pdf_input realtime
      video_input music_generation image_captioning upscale`.split(/\s+/)
    expect(vocabulary.filter((name) => !catalog.has(name))).toEqual([])
  })

  it('hold every name that the facts on back ends use for a capability', (context) => {
    const file = join(root, '../shared/facts/backends.json')
    wants(context, existsSync(file), 'the facts on back ends (../shared/facts/backends.json)')
    const catalog = new CapabilityCatalog()
    const entries: readonly { readonly capabilities?: unknown }[] = JSON.parse(
      readFileSync(file, 'utf8'),
    )
    const names = new Set(entries.flatMap(({ capabilities }) => namesIn(capabilities)))
    expect(names.size).toBeGreaterThan(30)
    expect([...names].filter((name) => !catalog.has(name))).toEqual([])
  })
})

/** Words of the answers in which a capability is looked up, not names of ours. */
const elsewhere = ['always', 'default', 'grammar', 'music', 'tts', 'transcribe', 'upscalers']

/** Texts that are one name and nothing else. */
function namesIn(value: unknown): string[] {
  if (typeof value === 'string')
    return /^[a-z]+(_[a-z]+)*$/.test(value) && !elsewhere.includes(value) ? [value] : []
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(namesIn) : []
}

describe('get, has and list', () => {
  it('give the latest, by number and not by letter', () => {
    const catalog = catalogOf('1.9', '1.10', '1.2')
    expect(catalog.get('x')?.version).toBe('1.10')
    expect(keys(catalog.list())).toEqual(['x@1.2', 'x@1.9', 'x@1.10'])
    expect(Object.isFrozen(catalog.list())).toBe(true)
  })

  it('understand ranges as requirements do', () => {
    const catalog = catalogOf('1.0.0', '1.0.3', '1.4', '2.0')
    expect(catalog.get('x', '1.0')?.version).toBe('1.0.3')
    expect(catalog.get('x', '1.0.0')?.version).toBe('1.0.0')
    expect(catalog.get('x', '^1')?.version).toBe('1.4')
    expect(catalog.get('x', '>=1 <1.4')?.version).toBe('1.0.3')
    expect(catalog.get('x', '3')).toBeUndefined()
    expect([catalog.has('x', '2'), catalog.has('x', '3'), catalog.has('y')]).toEqual([
      true,
      false,
      false,
    ])
    expect(() => catalog.get('x', 'latest')).toThrow(InvalidRequestError)
  })

  it('sort by name, then version', () => {
    const catalog = new CapabilityCatalog([
      { name: 'b', version: '1.0', parameters: {} },
      { name: 'a', version: '2.0', parameters: {} },
      { name: 'a', version: '1.0', parameters: {} },
    ])
    expect(keys(catalog.list())).toEqual(['a@1.0', 'a@2.0', 'b@1.0'])
  })

  it('are not misled by names of parts of every object', () => {
    const catalog = new CapabilityCatalog([])
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect(catalog.get(name)).toBeUndefined()
  })
})

describe('define', () => {
  it('adds a version beside the others and tells of it', () => {
    const { catalog, changes } = watched()
    const given = { ...definition('1.0', { w: { type: 'int' as const } }), label: 'X' }
    const kept = catalog.define(given)
    expect(kept).toEqual(given)
    expect(Object.isFrozen(kept) && Object.isFrozen(kept.parameters.w)).toBe(true)
    catalog.define(definition('1.1'))
    expect(changes).toEqual([
      { definition: given, previous: undefined },
      { definition: definition('1.1'), previous: undefined },
    ])
    expect(keys(catalog.defined())).toEqual(['x@1.0', 'x@1.1'])
  })

  it('replaces a version', () => {
    const { catalog, changes } = watched()
    const first = catalog.define(definition('1.0', { w: { max: 1, type: 'int' } }))
    const second = catalog.define(definition('1.0', { w: { max: 2, type: 'int' } }))
    expect(changes[1]).toEqual({ definition: second, previous: first })
    expect(catalog.list()).toEqual([second])
  })

  it('the same again changes nothing and tells nobody', () => {
    const { catalog, changes } = watched()
    const first = catalog.define(definition('1.0', { w: { type: 'int', max: 1 } }))
    expect(catalog.define(definition('1.0', { w: { max: 1, type: 'int' } }))).toBe(first)
    expect(changes).toHaveLength(1)
  })

  it('knows a version by its number, whatever its spelling', () => {
    const { catalog, changes } = watched()
    catalog.define(definition('1'))
    catalog.define(definition('1.0.0'))
    expect(changes).toHaveLength(1)
    catalog.define(definition('v1.0', { w: {} }))
    expect(keys(catalog.list())).toEqual(['x@1'])
    expect(catalog.get('x')?.parameters).toEqual({ w: {} })
  })

  it('tells those that were added from those it began with', () => {
    const catalog = new CapabilityCatalog()
    expect(catalog.defined()).toEqual([])
    const standard = catalog.get('chat')
    if (standard === undefined) throw new Error('chat is not defined')
    catalog.define(structuredClone(standard))
    expect(catalog.defined()).toEqual([])
    const wider = {
      ...standard,
      parameters: { history_length: { type: 'int', max: 999 } },
    } as const
    catalog.define(wider)
    expect(catalog.defined()).toEqual([wider])
    expect(new CapabilityCatalog().get('chat')).toBe(standard)
  })

  it('keeps nothing of what it was given', () => {
    const catalog = new CapabilityCatalog([])
    const given = { name: 'x', version: '1.0', parameters: { w: { values: [1, 2] } } }
    catalog.define(given)
    given.parameters.w.values.push(3)
    expect(catalog.validate('x', { w: 3 }).valid).toBe(false)
  })

  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['null', null, /it: expected .*got null/],
    ['a name with @', { ...definition('1.0'), name: 'x@1' }, /name: expected a name without "@"/],
    ['a blank name', { ...definition('1.0'), name: ' ' }, /name: expected a text/],
    ['no version', definition('latest'), /version: expected a version such as 1.0, got "latest"/],
    ['a range', definition('^1.0'), /version: expected a version such as 1.0/],
    ['no parameters', { name: 'x', version: '1.0' }, /parameters: expected .*got nothing/],
    ['an unknown field', { ...definition('1.0'), colour: 1 }, /colour: is not a known field/],
    [
      'an unknown field of a parameter',
      definition('1.0', { w: { maximum: 1 } as object }),
      /parameters\.w\.maximum: is not a known field/,
    ],
    [
      'min over max',
      of({ type: 'int', min: 2, max: 1 }),
      /w\.min: expected at most max, which is 1/,
    ],
    ['an infinite bound', of({ type: 'int', max: Number.POSITIVE_INFINITY }), /w\.max: expected/],
    ['bounds without a type', of({ max: 1 }), /w\.type: expected a number, text or list .*nothing/],
    ['bounds of an object', of({ type: 'object', max: 1 }), /w\.type: expected .*got object/],
    ['half a length', of({ type: 'string', max: 1.5 }), /w\.max: expected a whole length .*1\.5/],
    ['a negative length', of({ type: 'array', min: -1 }), /w\.min: expected a whole length/],
    ['no values', of({ values: [] }), /w\.values: expected at least one value/],
    ['a value of another type', of({ type: 'int', values: [1, 'a'] }), /w\.values\[1\]: .*got "a"/],
    [
      'a value out of bounds',
      of({ type: 'int', max: 3, values: [4] }),
      /values\[0\]: .*up to 3.*4/,
    ],
    ['a value twice', of({ values: ['a', 'a'] }), /values\[1\]: expected each value once/],
    ['a value beyond JSON', of({ values: [Number.NaN] }), /values\[0\]: expected .*JSON.*NaN/],
    ['a value that is a function', of({ values: [() => 1] }), /values.*expected plain data/],
    ['a default out of bounds', of({ type: 'int', max: 3, default: 4 }), /w\.default: .*up to 3/],
    ['a default of no value', of({ values: ['a'], default: 'b' }), /w\.default: expected "a"/],
    ['a default nobody gets', of({ required: true, default: 1 }), /w\.default: expected none/],
    ['a default beyond JSON', of({ default: Number.POSITIVE_INFINITY }), /w\.default/],
    ['items of a text', of({ type: 'string', items: {} }), /w\.items: expected only for lists/],
    ['items that contradict', of({ items: { type: 'int', min: 2, max: 1 } }), /w\.items\.min/],
    ['a blank parameter name', definition('1.0', { ' ': {} }), /parameters/],
    [
      'constraints beyond JSON',
      { ...definition('1.0'), constraints: { n: Number.NaN } },
      /constraints: expected values that JSON can hold/,
    ],
    [
      'a getter that throws',
      {
        ...definition('1.0'),
        get label(): string {
          throw new Error('boom')
        },
      },
      /boom/,
    ],
    ['bottomless items', of(bottomless(20_000)), /expected/],
  ]

  it.each(wrong)('refuses %s and changes nothing', (_, input, message) => {
    const { catalog, changes } = watched()
    catalog.define(definition('1.0', { kept: {} }))
    const before = catalog.list()
    expect(() => catalog.define(input as CapabilityDefinition)).toThrow(InvalidRegistrationError)
    expect(() => catalog.define(input as CapabilityDefinition)).toThrow(message)
    expect(() => catalog.define(input as CapabilityDefinition)).toThrow(
      /^Invalid capability definition:/,
    )
    expect(catalog.list()).toEqual(before)
    expect(changes).toHaveLength(1)
    expect(() => new CapabilityCatalog([input as CapabilityDefinition])).toThrow(message)
  })

  it('is not polluted by a parameter called __proto__', () => {
    const catalog = new CapabilityCatalog([])
    const parameters = JSON.parse('{ "__proto__": { "required": true }, "w": {} }')
    catalog.define({ name: 'x', version: '1.0', parameters })
    expect(catalog.validate('x', { w: 1 }).issues).toEqual([])
    expect(({} as { required?: boolean }).required).toBeUndefined()
  })
})

function of(spec: unknown): unknown {
  return definition('1.0', { w: spec as object })
}

function bottomless(depth: number): unknown {
  let spec: object = { type: 'int' }
  for (let at = 0; at < depth; at++) spec = { items: spec }
  return spec
}

describe('validate', () => {
  const catalog = new CapabilityCatalog()
  const issuesOf = (...[capability, values]: Parameters<CapabilityCatalog['validate']>) =>
    catalog.validate(capability, values).issues.map(({ field, message }) => `${field}: ${message}`)

  it('names value, bound and capability', () => {
    expect(catalog.validate('image_generation', { width: 4_096 })).toEqual({
      valid: false,
      issues: [
        {
          field: 'width',
          message: 'expected an integer from 64 to 2048 for image_generation, got 4096',
        },
      ],
    })
  })

  it.each<[string, unknown, string[]]>([
    [
      'image_generation',
      { widht: 512 },
      ['widht: is not a parameter of image_generation; did you mean width?'],
    ],
    [
      'image_generation',
      { colour: 1 },
      ['colour: is not a parameter of image_generation; it has width, height, steps, models'],
    ],
    ['vision', { width: 1 }, ['width: is not a parameter of vision; it has none']],
    [
      'image_generation',
      { steps: 0, width: '64' },
      [
        'width: expected an integer from 64 to 2048 for image_generation, got "64"',
        'steps: expected an integer from 1 to 150 for image_generation, got 0',
      ],
    ],
    [
      'image_generation',
      { models: ['a', 7] },
      ['models[1]: expected a text for image_generation, got 7'],
    ],
    [
      'audio_generation',
      { sample_rate: 8_000 },
      ['sample_rate: expected one of 16000, 22050, 44100, 48000 for audio_generation, got 8000'],
    ],
    ['chat', null, [': expected an object of values by parameter for chat, got null']],
    ['chat', [1], [': expected an object of values by parameter for chat, got a list of 1']],
    ['chat', undefined, [': expected an object of values by parameter for chat, got nothing']],
    ['chat', { history_length: undefined }, []],
    ['chat@^1.0', {}, []],
  ])('%s with %o', (capability, values, issues) => {
    expect(issuesOf(capability, values)).toEqual(issues)
  })

  it('misses what is required', () => {
    const own = new CapabilityCatalog([
      definition('1.0', { prompt: { type: 'string', min: 1, required: true } }),
    ])
    expect(own.validate('x', {}).issues).toEqual([
      { field: 'prompt', message: 'expected a text of length from 1 for x, got nothing' },
    ])
  })

  it('goes by what a capability declares, then by the definition', () => {
    const wide = {
      name: 'image_generation',
      parameters: { width: { type: 'int', max: 4_096 }, loras: { type: 'boolean' } },
    } as const
    expect(issuesOf(wide, { width: 4_096, height: 512, loras: true })).toEqual([])
    expect(issuesOf(wide, { width: 5_000, height: 4_096, loras: 1 })).toEqual([
      'width: expected an integer up to 4096 for image_generation, got 5000',
      'height: expected an integer from 64 to 2048 for image_generation, got 4096',
      'loras: expected true or false for image_generation, got 1',
    ])
    const own = { name: 'of its own', parameters: { a: { type: 'int' } } } as const
    expect(issuesOf(own, { a: 'b' })).toEqual(['a: expected an integer for of its own, got "b"'])
  })

  it('goes by the definition of the version', () => {
    const versions = new CapabilityCatalog([
      definition('1.0', { w: { type: 'int', max: 10 } }),
      definition('1.5', { w: { type: 'int', max: 20 } }),
      definition('2.0', { w: { type: 'int', max: 30 } }),
    ])
    const most = (capability: Parameters<CapabilityCatalog['validate']>[0]): number =>
      [30, 20, 10].find((w) => versions.validate(capability, { w }).valid) ?? 0
    expect(most('x')).toBe(30)
    expect(most('x@^1.0')).toBe(20)
    expect(most('x@1.0')).toBe(10)
    expect(most({ name: 'x', version: '1.0' })).toBe(10)
    expect(most({ name: 'x', version: '1.4.9' })).toBe(10)
    expect(most({ name: 'x', version: '1.10' })).toBe(20)
    expect(most({ name: 'x', version: '2.7' })).toBe(30)
    expect(most({ name: 'x', version: 'nightly' })).toBe(30)
    expect(() => versions.validate({ name: 'x', version: '0.9' }, {})).toThrow(
      UnknownCapabilityError,
    )
    expect(() => versions.validate({ name: 'x', version: '3.0' }, {})).toThrow("'x@3.0'")
  })

  it('throws for a capability that nobody defined, or that is none', () => {
    expect(() => catalog.validate('levitation', {})).toThrow(UnknownCapabilityError)
    expect(() => catalog.validate('chat@^9', {})).toThrow("No capability 'chat@^9' is defined")
    expect(() => catalog.validate({ name: 'levitation' }, {})).toThrow(UnknownCapabilityError)
    for (const input of ['', ' ', '@1', 'chat@latest', null, 7, { nam: 'chat' }])
      expect(() => catalog.validate(input as string, {}), String(input)).toThrow(
        InvalidRequestError,
      )
  })

  it('survives hostile values', () => {
    const throwing = {
      get width(): number {
        throw new Error('boom')
      },
    }
    expect(issuesOf('image_generation', throwing)).toEqual([expect.stringMatching(/: .*boom$/)])
    const circular: unknown[] = []
    circular.push(circular)
    expect(issuesOf('image_generation', { models: circular })).toHaveLength(1)
    const proto = JSON.parse('{ "__proto__": 1 }')
    expect(issuesOf('chat', proto)).toEqual([expect.stringMatching(/^__proto__: is not a param/)])
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`p${at}`, 1]))
    expect(issuesOf('chat', many)).toHaveLength(100)
    expect(issuesOf('chat', { ['x'.repeat(100_000)]: 1 })).toHaveLength(1)
    expect(Object.isFrozen(catalog.validate('chat', many).issues)).toBe(true)
  })
})

describe('compare', () => {
  const catalog = new CapabilityCatalog([
    definition('1.0', { w: { type: 'int', max: 10 } }),
    definition('1.1', { w: { type: 'int', max: 20 }, h: { type: 'int' } }),
  ])

  it('of versions by their definitions', () => {
    expect(catalog.compare('x@1.0', 'x@1.1')).toEqual({
      verdict: 'compatible',
      added: ['version 1.1', 'w up to 20', 'parameter h'],
      missing: [],
    })
    expect(catalog.compare('x@1.1', 'x@1.0').verdict).toBe('incompatible')
    expect(catalog.compare('x@1.1', 'x@1.1.0').verdict).toBe('equal')
  })

  it('of lists and of definitions themselves', () => {
    expect(catalog.compare(['chat', 'x@1.0'], ['x@1.0', 'vision'])).toEqual({
      verdict: 'incompatible',
      added: ['vision'],
      missing: ['chat'],
    })
    const declared = {
      name: 'x',
      version: '1.0',
      parameters: { w: { type: 'int', max: 5 } },
    } as const
    expect(catalog.compare('x@1.0', declared).missing).toEqual(['w up to 10'])
  })

  it('throws for what is no capability', () => {
    for (const input of [null, '', '@1', [7], { name: 'x', parameters: { w: { maximum: 1 } } }])
      expect(() => catalog.compare(input as string, 'x')).toThrow(InvalidRequestError)
  })
})

describe('toJSONSchema', () => {
  it('is of the latest version, or of the one asked for', () => {
    const catalog = new CapabilityCatalog([
      definition('1.0', { old: {} }),
      definition('2.0', { new: {} }),
    ])
    expect(catalog.toJSONSchema('x')).toMatchObject({ properties: { new: {} } })
    expect(catalog.toJSONSchema('x', '1')).toMatchObject({ properties: { old: {} } })
  })

  it('throws for a capability that nobody defined', () => {
    const catalog = new CapabilityCatalog()
    expect(() => catalog.toJSONSchema('levitation')).toThrow(UnknownCapabilityError)
    expect(() => catalog.toJSONSchema('chat', '^9')).toThrow("'chat@^9'")
  })
})
