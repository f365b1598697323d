import type { CapabilityDefinition } from './definition.js'
import { hasLength, type ParameterSpec, typeOf } from './parameter.js'
import { frozenCopy } from './parse/words.js'

/** A JSON Schema of the 2020-12 draft, as plain frozen data. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** For an object with a value per parameter: of a form, or of the arguments of a tool. */
export function toJsonSchema(definition: CapabilityDefinition): JsonSchema {
  const { name, label, description, parameters } = definition
  const specs = Object.entries(parameters)
  return frozenCopy({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: label ?? name,
    description,
    type: 'object',
    properties: Object.fromEntries(specs.map(([key, spec]) => [key, schemaOf(spec)])),
    required: specs.filter(([, spec]) => spec.required === true).map(([key]) => key),
    additionalProperties: false,
  })
}

function schemaOf(spec: ParameterSpec): JsonSchema {
  const { values, items, description } = spec
  const type = typeOf(spec)
  return {
    description,
    type: type && typeNames[type],
    enum: values,
    ...boundsOf(spec),
    items: items && schemaOf(items),
    default: spec.default,
  }
}

const typeNames: Record<NonNullable<ParameterSpec['type']>, string> = {
  int: 'integer',
  float: 'number',
  number: 'number',
  string: 'string',
  boolean: 'boolean',
  array: 'array',
  object: 'object',
}

function boundsOf(spec: ParameterSpec): JsonSchema {
  const { min, max } = spec
  if (!hasLength(spec)) return { minimum: min, maximum: max }
  return typeOf(spec) === 'string'
    ? { minLength: min, maxLength: max }
    : { minItems: min, maxItems: max }
}
