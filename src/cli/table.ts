import { clean } from './clean.js'

/** A text of anybody's, and how it is painted. */
export interface Cell {
  readonly text: string
  readonly colour?: Colour | undefined
}

export type Colour = keyof typeof codes

const codes = { bold: 1, red: 31, green: 32, yellow: 33, dim: 2 }

export const paint = (text: string, colour: Colour | undefined, colours: boolean): string =>
  colour === undefined || !colours ? text : `\u001b[${codes[colour]}m${text}\u001b[0m`

const gap = 2
/** Columns are not made narrower than this. */
const narrowest = 6

/**
 * Rows under a head, columns as wide as their widest cell. With a `width`, the widest columns are cut
 * until a row fits.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  { width, colours }: { readonly width: number | undefined; readonly colours: boolean },
): string {
  const lines: readonly (readonly Cell[])[] = [
    head.map((text) => ({ text, colour: 'bold' as const })),
    ...rows.map((cells) => cells.map(({ text, colour }) => ({ text: clean(text) || '-', colour }))),
  ]
  const natural = head.map((_, at) =>
    lines.reduce((most, cells) => Math.max(most, widthOf(cells[at]?.text ?? '')), 0),
  )
  const widths = width === undefined ? natural : fitted(natural, width)
  return lines
    .map((cells) => {
      const texts = cells.map(({ text, colour }, at) => {
        const room = widths[at] ?? 0
        const short = cut(text, room)
        const pad = at === cells.length - 1 ? 0 : room - widthOf(short)
        return `${paint(short, colour, colours)}${' '.repeat(Math.max(0, pad))}`
      })
      return `${texts.join(' '.repeat(gap)).trimEnd()}\n`
    })
    .join('')
}

/** Takes from the widest column, again and again. */
function fitted(natural: readonly number[], width: number): readonly number[] {
  const room = width - gap * (natural.length - 1)
  const widths = natural.map((one) => Math.min(one, Math.max(room, narrowest)))
  let over = widths.reduce((sum, one) => sum + one, 0) - room
  while (over > 0) {
    const widest = widths.indexOf(Math.max(...widths))
    const now = widths[widest] ?? 0
    if (now <= narrowest) break
    widths[widest] = now - 1
    over -= 1
  }
  return widths
}

const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const wide =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])/u
const plain = /^[ -~]*$/

/** Columns of a terminal that a text takes. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length
  let width = 0
  for (const { segment } of letters.segment(text)) width += wide.test(segment) ? 2 : 1
  return width
}

/** As much of a text as fits. */
export function cut(text: string, room: number): string {
  if (widthOf(text) <= room) return text
  let kept = ''
  let width = 1 // of the dots
  for (const { segment } of letters.segment(text)) {
    width += wide.test(segment) ? 2 : 1
    if (width > room) break
    kept += segment
  }
  return `${kept}…`
}
