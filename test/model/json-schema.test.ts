import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CapabilityDefinition } from '../../src/model/definition.js'
import { toJsonSchema } from '../../src/model/json-schema.js'
import type { ParameterSpecs } from '../../src/model/parameter.js'
import { checkValues } from '../../src/model/parameter-values.js'
import { parseDefinition } from '../../src/model/parse/definition.js'
import { standardCapabilities } from '../../src/model/standard-capabilities.js'
import { judge } from './schema-judge.js'
import { specs, values } from './specs.js'

const definition = (parameters: ParameterSpecs): CapabilityDefinition =>
  parseDefinition({ name: 'x', version: '1.0', parameters })

/** Judges by the schema alone, as a form or a tool would. */
const judgeOf = (one: CapabilityDefinition): ((given: unknown) => boolean) => {
  const schema = JSON.parse(JSON.stringify(toJsonSchema(one)))
  return (given) => judge(schema, given)
}

it('is a schema of the 2020-12 draft for an object of values', () => {
  const schema = toJsonSchema({
    ...definition({
      prompt: { type: 'string', min: 1, max: 500, required: true, description: 'what to draw' },
      width: { type: 'int', min: 64, max: 2_048, default: 512 },
      scale: { type: 'float', max: 2 },
      style: { values: ['photo', 'line'] },
      tags: { type: 'array', max: 3, items: { type: 'string', min: 1 } },
      hires: { type: 'boolean' },
      options: { type: 'object' },
      free: {},
    }),
    label: 'X',
    description: 'draws',
  })
  expect(schema).toEqual({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'X',
    description: 'draws',
    type: 'object',
    properties: {
      prompt: { type: 'string', minLength: 1, maxLength: 500, description: 'what to draw' },
      width: { type: 'integer', minimum: 64, maximum: 2_048, default: 512 },
      scale: { type: 'number', maximum: 2 },
      style: { enum: ['photo', 'line'] },
      tags: { type: 'array', maxItems: 3, items: { type: 'string', minLength: 1 } },
      hires: { type: 'boolean' },
      options: { type: 'object' },
      free: {},
    },
    required: ['prompt'],
    additionalProperties: false,
  })
  expect(Object.isFrozen(schema) && Object.isFrozen(schema.properties)).toBe(true)
})

it('is titled by name where there is no label', () => {
  expect(toJsonSchema(definition({}))).toMatchObject({ title: 'x', required: [], properties: {} })
})

describe('a validator of schemas and `validate`', () => {
  it.each(standardCapabilities)('agree on $name', (one) => {
    const accepts = judgeOf(one)
    const names = Object.keys(one.parameters)
    const given = fc.dictionary(fc.constantFrom(...names, 'other'), values, { maxKeys: 3 })
    fc.assert(
      fc.property(given, (some) => {
        expect(checkValues(one.name, one.parameters, some).length === 0).toBe(accepts(some))
      }),
      { numRuns: 20 },
    )
  })

  it('agree on any definition and any values', () => {
    const name = fc.constantFrom('a', 'b', 'constructor')
    const spec = fc
      .tuple(specs, fc.boolean())
      .map(([one, required]) => (required ? { ...one, required } : one))
    let accepted = 0
    fc.assert(
      fc.property(
        fc.dictionary(name, spec, { minKeys: 1 }),
        fc.array(fc.dictionary(name, values), { maxLength: 5 }),
        (parameters, all) => {
          const accepts = judgeOf(definition(parameters))
          for (const given of all) {
            if (accepts(given)) accepted += 1
            const issues = checkValues('x', parameters, given)
            expect(issues.length === 0, JSON.stringify({ parameters, given, issues })).toBe(
              accepts(given),
            )
          }
        },
      ),
      { numRuns: 1_000, seed: 7 },
    )
    expect(accepted).toBeGreaterThan(20)
  })
})
