import { dirname, join } from 'node:path'

export interface Line {
  readonly text: string
  /** The line of the page, from 1. */
  readonly at: number
}

/** A fenced block of code. */
export interface Block {
  /** `ts` of a block that begins with "ts run". */
  readonly language: string
  /** What follows the language: `run`. */
  readonly words: readonly string[]
  readonly lines: readonly Line[]
}

export function blocksOf(page: string): Block[] {
  const blocks: { fence: string; words: string[]; lines: Line[] }[] = []
  let open = false
  for (const [index, text] of page.split('\n').entries()) {
    const block = blocks.at(-1)
    const [, fence = '', info = ''] = /^\s*(`{3,}|~{3,})(.*)$/.exec(text) ?? []
    if (open && block) {
      open = !(fence.startsWith(block.fence) && info.trim() === '')
      if (open) block.lines.push({ text, at: index + 1 })
    } else if (fence !== '' && !info.includes('`')) {
      blocks.push({ fence, words: info.trim().split(/\s+/), lines: [] })
      open = true
    }
  }
  return blocks.map(({ words: [language = '', ...words], lines }) => ({ language, words, lines }))
}

/** The text of a page without code, in which links and headings are what they look like. */
const proseOf = (page: string): string =>
  page
    .replace(/^\s*(`{3,}|~{3,})[\s\S]*?^\s*\1/gm, '')
    .replace(/`[^`\n]*`/g, (code) => code.slice(1, -1).replace(/[[\]]/g, ''))

/** The name that a web view of the page gives to each heading. */
const anchorsOf = (page: string): string[] =>
  [...proseOf(page).matchAll(/^#{1,6}\s+(.*)$/gm)].map(([, heading = '']) =>
    heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  )

/**
 * Relative links to a file or a heading that is not there. `own` is the path of the page itself;
 * `read` gives the text of what exists.
 */
export function brokenLinks(
  page: string,
  own: string,
  read: (path: string) => string | undefined,
): string[] {
  const links = proseOf(page).matchAll(
    /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*(\S+)/gm,
  )
  return [...links]
    .map(([, inline, reference]) => inline ?? reference ?? '')
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#')
      const file = path === '' ? own : join(dirname(own), decodeURIComponent(path))
      const target = read(file)
      if (target === undefined) return true
      return anchor !== undefined && file.endsWith('.md') && !anchorsOf(target).includes(anchor)
    })
}
