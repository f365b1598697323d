import { keyOf, type Section } from '../model/snapshot.js'
import { isSection } from './contents.js'
import type { EncodedChange } from './record.js'
import type { StoreChange } from './store.js'

/** An entry as Redis holds it: `<order> <revision> <node> <JSON>`. */
export interface RedisRecord {
  /** Of those that came before, lower. */
  readonly order: number
  /** Of the group that wrote it. */
  readonly revision: number
  /** Who wrote it. */
  readonly node: string
  readonly json: string
}

/** A key may hold anything; as JSON it is well-formed text. */
export const fieldOf = ({ section, key }: Pick<EncodedChange, 'section' | 'key'>): string =>
  `${section} ${JSON.stringify(key)}`

/** Of a text that no store has written: itself, so that whoever checks it can say what is wrong. */
export function toRecord(text: string): RedisRecord {
  const [, order, revision, node = '', json] = shape.exec(text) ?? []
  if (json === undefined)
    return { order: Number.MAX_SAFE_INTEGER, revision: 0, node: '', json: text }
  return { order: Number(order), revision: Number(revision), node, json }
}

const shape = /^(\d{1,15}) (\d{1,15}) ([\w-]+) (.*)$/s

/** `undefined` for a field that names no entry. Whoever takes the value checks it. */
export function toChange(field: string, record: RedisRecord | undefined): StoreChange | undefined {
  const space = field.indexOf(' ')
  const section = field.slice(0, space)
  const key = fromJson(field.slice(space + 1))
  if (!isSection(section) || typeof key !== 'string') return undefined
  if (record === undefined) return { section, key }
  return { section, key, value: entryOf(section, key, record) } as StoreChange
}

/** The JSON itself where it is none, or is of another entry than its field says. */
function entryOf(section: Section, key: string, { json }: RedisRecord): unknown {
  const entry = fromJson(json)
  const read: (entry: never) => unknown = keyOf[section]
  const isIt = typeof entry === 'object' && entry !== null && read(entry as never) === key
  return isIt ? entry : json
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
