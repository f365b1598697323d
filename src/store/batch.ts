import { settled } from '../core/clock.js'
import { isSection } from './contents.js'
import { sliceBytes } from './disk.js'
import { type EncodedChange, recordLine } from './record.js'
import type { StoreChange } from './store.js'

/** The changes of one `apply`: all of them are kept, or none. */
export interface Group {
  readonly changes: readonly StoreChange[]
  resolve(): void
  reject(error: unknown): void
}

export interface EncodedGroup {
  readonly group: Group
  readonly changes: readonly EncodedChange[]
}

/** Lets others run whenever so much work is done. */
class Pace {
  #done = 0

  /** To be awaited when it gives something. */
  add(size: number): Promise<void> | undefined {
    this.#done += size
    if (this.#done < sliceBytes) return undefined
    this.#done = 0
    return settled()
  }
}

/** What a change costs besides its text, in bytes of text that take as long. */
const perChange = 200

/** Throws for what is no plain JSON. */
export async function encodeGroup(group: Group, pace: Pace): Promise<EncodedGroup> {
  const changes: EncodedChange[] = []
  for (const change of group.changes) {
    const encoded = encodeChange(change)
    changes.push(encoded)
    const pause = pace.add(perChange + (encoded.value?.length ?? 0))
    if (pause !== undefined) await pause
  }
  return { group, changes }
}

export const newPace = (): Pace => new Pace()

/** Throws for what is no plain JSON. */
export function encodeChange({ section, key, value }: StoreChange): EncodedChange {
  if (!isSection(section)) throw new TypeError(`there is no section "${String(section)}"`)
  if (typeof key !== 'string') throw new TypeError(`a key of ${section} is no text`)
  if (value === undefined) return { section, key, value: undefined }
  const json: string | undefined = JSON.stringify(value)
  if (json === undefined) throw new TypeError(`${section} "${key}" is no plain data`)
  return { section, key, value: json }
}

/** The lines of a log for these groups, numbered behind `sequence`. */
export async function toSlices(
  groups: readonly EncodedGroup[],
  sequence: number,
): Promise<readonly Uint8Array[]> {
  const slices: Uint8Array[] = []
  let next = sequence
  let text = ''
  for (const { changes } of groups) {
    for (const [index, { section, key, value }] of changes.entries()) {
      const isLast = index + 1 === changes.length
      const safe = next === sequence ? { safe: sequence } : {}
      next += 1
      text += recordLine(
        { sequence: next, section, key, ...(isLast ? {} : { more: true }), ...safe },
        value,
      )
      if (text.length < sliceBytes) continue
      slices.push(Buffer.from(text))
      text = ''
      await settled()
    }
  }
  slices.push(Buffer.from(text))
  return slices
}
