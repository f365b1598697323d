import { masked } from '../model/secrets.js'

const most = 200
const longest = 128

/** What stands for all values that came after the first 200. */
export const other = 'other'

/** Values of one label: so many and no more, none too long, and without user-info of URLs. */
export class LabelValues {
  readonly #labels = new Map<string, string>()

  of(value: string): string {
    const known = this.#labels.get(value)
    if (known !== undefined) return known
    if (this.#labels.size >= most) return other
    const label = masked(value).slice(0, longest)
    this.#labels.set(value, label)
    return label
  }

  /** Where there is no room left, those that are gone make room. Gives the labels nobody has any more. */
  makeRoom(isThere: (value: string) => boolean): ReadonlySet<string> {
    const gone = new Set<string>()
    if (this.#labels.size < most) return gone
    for (const [value, label] of this.#labels)
      if (!isThere(value)) {
        this.#labels.delete(value)
        gone.add(label)
      }
    for (const label of this.#labels.values()) gone.delete(label)
    return gone
  }
}
