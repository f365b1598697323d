import { describe, expect, it } from 'vitest'
import { CapabilityCatalog } from '../../src/catalog/capability-catalog.js'
import { Catalog, orderOf } from '../../src/catalog/catalog.js'
import type { Capability, RequirementInput } from '../../src/model/capability.js'
import { parseRegistration } from '../../src/model/parse/registration.js'
import { Plans } from '../../src/resolve/plan.js'
import type { Seat } from '../../src/resolve/seat.js'

/** Providers by name with what they can do, and the plans over them. */
function table(providers: Readonly<Record<string, string | Capability>>) {
  const definitions: CapabilityCatalog = new CapabilityCatalog(undefined, () => plans.clear())
  const catalog = new Catalog<{
    provider: ReturnType<typeof parseRegistration>['record']
    order: number
    admissible: boolean
  }>()
  const plans = new Plans(catalog as unknown as Catalog<Seat>, definitions.parametersOf)
  let serial = 0
  const seat = (name: string, capability: string | Capability): void => {
    const input = { service: 's', name, provider: {}, capabilities: [capability] }
    const { record } = parseRegistration(input)
    catalog.put({ provider: record, order: orderOf(record, serial++), admissible: true }, undefined)
  }
  for (const [name, capability] of Object.entries(providers)) seat(name, capability)
  const able = (...requires: RequirementInput[]): string[] =>
    plans
      .find('s', { requires })
      .pools.flatMap(({ roster }) => [...roster].map(({ provider }) => provider.name))
  return { definitions, plans, able, seat }
}

describe('values of parameters select', () => {
  const providers = {
    plain: 'image_generation',
    versioned: 'image_generation@1.2',
    other: 'image_generation@2.0',
    wide: { name: 'image_generation', parameters: { width: { type: 'int', max: 8_192 } } },
    tall: { name: 'image_generation', parameters: { height: { type: 'int', max: 8_192 } } },
  } as const
  const width = (value: unknown): RequirementInput => ({
    name: 'image_generation',
    parameters: { width: value },
  })

  it('by the definition where a provider says nothing of a parameter', () => {
    const { able } = table(providers)
    expect(able(width(2_048))).toEqual(['plain', 'versioned', 'other', 'wide', 'tall'])
    // nothing is known of version 2.0, and unknown is no no
    expect(able(width(4_096))).toEqual(['other', 'wide'])
    expect(able(width(9_999))).toEqual(['other'])
    expect(able(width('512'))).toEqual(['other'])
  })

  it('by what a provider says, which beats the definition', () => {
    const { able } = table({
      narrow: { name: 'image_generation', parameters: { width: { max: 512 } } },
    })
    expect(able(width(512))).toEqual(['narrow'])
    expect(able(width(513))).toEqual([])
    expect(able(width(1))).toEqual(['narrow'])
  })

  it('not by parameters that nobody knows', () => {
    const { able } = table(providers)
    const unheard = { name: 'image_generation', parameters: { unheard: 1, toString: 2 } }
    expect(able(unheard)).toHaveLength(5)
    expect(table({ a: 'mine' }).able({ name: 'mine', parameters: { b: 1 } })).toEqual(['a'])
  })

  it('with items of lists', () => {
    const { able } = table({
      rvc: {
        name: 'voice_cloning',
        parameters: { audio_formats: { items: { values: ['wav', 'mp3'] } } },
      },
      other: 'voice_cloning',
    })
    const formats = (...audio_formats: string[]): RequirementInput => ({
      name: 'voice_cloning',
      parameters: { audio_formats },
    })
    expect(able(formats('wav'))).toEqual(['rvc', 'other'])
    expect(able(formats('wav', 'flac'))).toEqual(['other'])
    expect(able(formats('txt'))).toEqual([])
  })

  it('as defined now, and for providers that come later', () => {
    const { able, definitions, seat } = table({ a: 'image_generation' })
    expect(able(width(4_096))).toEqual([])
    definitions.define({
      name: 'image_generation',
      version: '1.0',
      parameters: { width: { type: 'int', max: 4_096 } },
    })
    expect(able(width(4_096))).toEqual(['a'])
    seat('bb', 'image_generation')
    seat('ccc', { name: 'image_generation', parameters: { width: { max: 64 } } })
    expect(able(width(4_096))).toEqual(['a', 'bb'])
  })

  it('without definitions by declarations alone', () => {
    const plans = new Plans(new Catalog<Seat>())
    expect(plans.find('s', { requires: [width(9_999)] }).requires).toEqual([
      'image_generation with {"width":9999}',
    ])
  })
})
