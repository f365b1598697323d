import { isDeepStrictEqual } from 'node:util'

type Schema = Readonly<Record<string, unknown>>
type Keyword = (value: unknown, argument: never, schema: Schema) => boolean

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  integer: (value) => typeof value === 'number' && value % 1 === 0,
  number: (value) => typeof value === 'number',
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  array: Array.isArray,
  object: isObject,
}

const note: Keyword = () => true

/** Each keyword judges the values it is for, and lets all others pass, as the standard says. */
const keywords: Readonly<Record<string, Keyword>> = {
  $schema: note,
  title: note,
  description: note,
  default: note,
  type: (value, type: string) => types[type]?.(value) === true,
  enum: (value, all: readonly unknown[]) => all.some((one) => isDeepStrictEqual(one, value)),
  minimum: (value, least: number) => typeof value !== 'number' || value >= least,
  maximum: (value, most: number) => typeof value !== 'number' || value <= most,
  minLength: (value, least: number) => typeof value !== 'string' || [...value].length >= least,
  maxLength: (value, most: number) => typeof value !== 'string' || [...value].length <= most,
  minItems: (value, least: number) => !Array.isArray(value) || value.length >= least,
  maxItems: (value, most: number) => !Array.isArray(value) || value.length <= most,
  items: (value, schema: Schema) =>
    !Array.isArray(value) || value.every((one) => judge(schema, one)),
  required: (value, names: readonly string[]) =>
    !isObject(value) || names.every((name) => Object.hasOwn(value, name)),
  properties: (value, schemas: Readonly<Record<string, Schema>>) =>
    !isObject(value) ||
    Object.entries(schemas).every(
      ([name, schema]) => !Object.hasOwn(value, name) || judge(schema, value[name]),
    ),
  additionalProperties: (value, _: false, { properties }) =>
    !isObject(value) ||
    Object.keys(value).every((name) => isObject(properties) && Object.hasOwn(properties, name)),
}

/** Whether a value is valid by JSON Schema 2020-12, as far as our schemas use it; throws beyond. */
export function judge(schema: Schema, value: unknown): boolean {
  return Object.entries(schema).every(([name, argument]) => {
    const keyword = keywords[name]
    if (keyword === undefined) throw new Error(`${name} is a keyword this judge does not know`)
    return keyword(value, argument as never, schema)
  })
}
