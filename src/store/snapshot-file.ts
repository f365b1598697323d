import { isoTime } from '../core/clock.js'
import { oneLine } from '../core/errors.js'
import { type Section, schemaVersion, sections } from '../model/snapshot.js'
import { sliceBytes } from './disk.js'
import { Damage, linesOf } from './log-file.js'
import { isObject, isSequence } from './record.js'

/** The state of a store at one point, each entry as JSON. */
export interface Copy {
  readonly sequence: number
  readonly entries: { readonly [S in Section]: readonly string[] }
}

/** The file that `readSnapshot` reads: JSON with one entry a line. */
export function* snapshotSlices({ sequence, entries }: Copy, savedAt: number): Generator<Buffer> {
  let lines = [
    '{',
    `"schemaVersion": ${JSON.stringify(schemaVersion)},`,
    `"savedAt": ${JSON.stringify(isoTime(savedAt))},`,
    `"sequence": ${sequence},`,
  ]
  let size = 0
  for (const [at, section] of sections.entries()) {
    lines.push(`"${section}": [`)
    const list = entries[section]
    for (const [index, entry] of list.entries()) {
      lines.push(index + 1 < list.length ? `${entry},` : entry)
      size += entry.length
      if (size < sliceBytes) continue
      yield toBuffer(lines)
      lines = []
      size = 0
    }
    lines.push(at + 1 < sections.length ? '],' : ']')
  }
  yield toBuffer([...lines, '}'])
}

const toBuffer = (lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\n')}\n`)

export type Document = Readonly<Record<string, unknown>>

/** Any JSON object is read; a file as this store writes it without holding anybody up. */
export async function readSnapshot(bytes: Buffer): Promise<Document> {
  const known = await readByLine(bytes)
  if (known !== undefined) return known
  const document = readAtOnce(bytes)
  if (!isObject(document)) throw new Damage('it holds no JSON object')
  return document
}

function readAtOnce(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new Damage(`it is no JSON: ${oneLine(error)}`)
  }
}

const opening = /^"([a-z]+)": \[$/
const field = /^"([A-Za-z]+)": (.*?),?$/

/** `undefined` when the file is of another form, which is then read as a whole. */
async function readByLine(bytes: Buffer): Promise<Document | undefined> {
  const fields = new Map<string, unknown>()
  let list: unknown[] | undefined
  let at: 'before' | 'inside' | 'behind' = 'before'
  for await (const { text } of linesOf(bytes)) {
    if (at === 'behind') return undefined
    if (at === 'before') {
      if (text !== '{') return undefined
      at = 'inside'
    } else if (list !== undefined) {
      if (/^\],?$/.test(text)) list = undefined
      else if (!readInto(list, text)) return undefined
    } else if (text === '}') at = 'behind'
    else {
      const name = opening.exec(text)?.[1]
      list = name === undefined ? undefined : []
      const added = name === undefined ? readField(text) : ([name, list] as const)
      if (added === undefined || fields.has(added[0])) return undefined
      fields.set(...added)
    }
  }
  return at === 'behind' ? Object.fromEntries(fields) : undefined
}

function readInto(list: unknown[], line: string): boolean {
  try {
    list.push(JSON.parse(line.endsWith(',') ? line.slice(0, -1) : line))
    return true
  } catch {
    return false
  }
}

function readField(line: string): readonly [name: string, value: unknown] | undefined {
  const [, name, json] = field.exec(line) ?? []
  if (name === undefined || json === undefined) return undefined
  try {
    return [name, JSON.parse(json)]
  } catch {
    return undefined
  }
}

/** Files of other tools, and those of the story, have none. */
export const sequenceOf = ({ sequence }: Document): number => (isSequence(sequence) ? sequence : 0)
