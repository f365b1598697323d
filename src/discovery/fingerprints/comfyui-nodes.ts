import { type Fields, field, isObject, nameOf } from '../../core/foreign.js'
import type { ParameterSpec, ParameterSpecs } from '../../model/parameter.js'
import type { Asking } from '../scan/asking.js'
import { goodObject } from './read.js'

/*
 * ComfyUI's nodes, one question each: the list of all of them has half a megabyte, and takes it long to write.
 */

const pathOf = (node: string): string => `/object_info/${node}`

/** The node; `undefined` when there is none, `unknown` when it does not say. */
async function nodeAt(asking: Asking, name: string): Promise<Fields | 'unknown' | undefined> {
  const body = goodObject(await asking.get(pathOf(name)))
  if (body === undefined) return 'unknown'
  const node = field(body, name)
  return isObject(node) ? node : undefined
}

/**
 * Whether it has a node that runs on this machine. These nodes come with every ComfyUI, so one that says nothing about
 * them is taken to have them.
 */
export async function hasNode(asking: Asking, name: string): Promise<boolean> {
  const node = await nodeAt(asking, name)
  if (node === 'unknown') return true
  return node !== undefined && field(node, 'api_node') !== true
}

export async function hasOneOf(asking: Asking, names: readonly string[]): Promise<boolean> {
  for (const name of names) if (await hasNode(asking, name)) return true
  return false
}

/** What the inputs of a node accept, as far as it says so. */
export async function parametersOf(
  asking: Asking,
  name: string,
  wanted: readonly string[],
): Promise<ParameterSpecs> {
  const node = await nodeAt(asking, name)
  if (node === 'unknown') return {}
  const specs = wanted.flatMap((input) => {
    const told = field(node, 'input', 'required', input) ?? field(node, 'input', 'optional', input)
    const spec = specOf(told)
    return spec === undefined ? [] : [[input, spec] as const]
  })
  return Object.fromEntries(specs)
}

const types: ReadonlyMap<unknown, ParameterSpec['type']> = new Map([
  ['INT', 'int'],
  ['FLOAT', 'float'],
  ['STRING', 'string'],
  ['BOOLEAN', 'boolean'],
])

/** `['INT', { min, max, default }]`; a choice is `[['a', 'b'], {…}]`, and newer `['COMBO', { options: ['a', 'b'] }]`. */
function specOf(input: unknown): ParameterSpec | undefined {
  if (!Array.isArray(input)) return undefined
  const [kind, about]: readonly unknown[] = input
  const values = Array.isArray(kind) ? kind : kind === 'COMBO' ? field(about, 'options') : undefined
  const usual = plain(field(about, 'default'))
  if (Array.isArray(values)) {
    const plainly = values.slice(0, 10_000).filter((value) => plain(value) !== undefined)
    return plainly.length === 0 ? undefined : { values: plainly, default: usual }
  }
  const type = types.get(kind)
  if (type === undefined) return undefined
  const isNumber = type === 'int' || type === 'float'
  return {
    type,
    ...(isNumber && { min: bound(field(about, 'min')), max: bound(field(about, 'max')) }),
    default: usual,
  }
}

const bound = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

/** As a choice, in one line; a number that is one. */
const plain = (value: unknown): string | number | boolean | undefined =>
  typeof value === 'boolean' ? value : (bound(value) ?? choice(value))

/** Sent back as it is, so it is not trimmed. */
const choice = (value: unknown): string | undefined =>
  typeof value === 'string' && nameOf(value) !== undefined ? value : undefined
