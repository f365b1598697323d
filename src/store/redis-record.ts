import { keyOf, type Section } from '../model/snapshot.js'
import { isSection } from './contents.js'
import type { EncodedChange } from './record.js'
import type { StoreChange } from './store.js'

/** An entry as Redis holds it: `<order> <version> <node> <epoch> <JSON>`. */
export interface RedisRecord {
  /** Of those that came before, lower. */
  readonly order: number
  /** The revision of the group that first wrote it: higher than all that its writer had seen. */
  readonly version: number
  /** Who wrote it. */
  readonly node: string
  /** Of a provider: which registration of it this is. '0' otherwise. */
  readonly epoch: string
  /** '' where it is gone. */
  readonly json: string
}

/** A key may hold anything; as JSON it is well-formed text. */
export const fieldOf = ({ section, key }: Pick<EncodedChange, 'section' | 'key'>): string =>
  `${section} ${JSON.stringify(key)}`

/** Of a text that no store has written: itself, so that whoever checks it can say what is wrong. */
export function toRecord(text: string): RedisRecord {
  const [, order, version, node = '', epoch = '', json] = shape.exec(text) ?? []
  if (json === undefined)
    return { order: Number.MAX_SAFE_INTEGER, version: 0, node: '', epoch: '0', json: text }
  return { order: Number(order), version: Number(version), node, epoch, json }
}

const shape = /^(\d{1,15}) (\d{1,15}) ([\w-]+) (\d{1,15}) (.*)$/s

/** `undefined` for a field that names no entry. Whoever takes the value checks it. */
export function toChange(field: string, record: RedisRecord | undefined): StoreChange | undefined {
  const space = field.indexOf(' ')
  const section = field.slice(0, space)
  const key = fromJson(field.slice(space + 1))
  if (!isSection(section) || typeof key !== 'string') return undefined
  if (record === undefined || record.json === '') return { section, key }
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
