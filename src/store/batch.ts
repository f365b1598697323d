import { isSection } from './contents.js'
import { Pace } from './pace.js'
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

/** What of these can be written; the others are refused. `check` may refuse, too, by throwing. */
export async function encodeGroups(
  groups: readonly Group[],
  check: (changes: readonly EncodedChange[]) => void,
  refuse: (group: Group, cause: unknown) => void,
): Promise<readonly EncodedGroup[]> {
  const pace = new Pace()
  const encoded: EncodedGroup[] = []
  for (const group of groups)
    try {
      const changes: EncodedChange[] = []
      for (const change of group.changes) {
        const one = encodeChange(change)
        changes.push(one)
        const pause = pace.entry(one.value?.length ?? 0)
        if (pause !== undefined) await pause
      }
      check(changes)
      encoded.push({ group, changes })
    } catch (cause) {
      refuse(group, cause)
    }
  return encoded
}

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
  const pace = new Pace()
  const slices: Uint8Array[] = []
  let next = sequence
  let text = ''
  for (const { changes } of groups)
    for (const [index, { section, key, value }] of changes.entries()) {
      const more = index + 1 < changes.length
      const safe = next === sequence ? sequence : undefined
      next += 1
      const line = recordLine({ sequence: next, section, key, more, safe }, value)
      text += line
      const pause = pace.entry(line.length)
      if (pause === undefined) continue
      slices.push(Buffer.from(text))
      text = ''
      await pause
    }
  slices.push(Buffer.from(text))
  return slices
}
