import { Range, SemVer } from 'semver'

/** `1`, `1.2`, `1.2.3`, with an optional `v`, pre-release and build. Anything else is no version. */
const pattern =
  /^v?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/
const longest = 256

/** A version, parsed once. */
export type Version = SemVer

/** What versions a requirement accepts, parsed once. */
export interface VersionRange {
  readonly text: string
  accepts(version: Version): boolean
}

/** Versions parsed before; there are few texts, and every query compares some. */
const parsed = new Map<string, Version | undefined>()
const mostParsed = 4_096

/** The version a text stands for, missing parts being 0; `undefined` when it is none. */
export function parseVersion(text: string): Version | undefined {
  const known = parsed.get(text)
  if (known !== undefined || text.length > longest || parsed.has(text)) return known
  if (parsed.size >= mostParsed) parsed.clear()
  const version = toVersion(text)
  parsed.set(text, version)
  return version
}

function toVersion(text: string): Version | undefined {
  const match = pattern.exec(text.trim())
  if (match === null) return undefined
  const [, major, minor = '0', patch = '0', pre = '', build = ''] = match
  try {
    return new SemVer(`${Number(major)}.${Number(minor)}.${Number(patch)}${pre}${build}`)
  } catch {
    return undefined // numbers beyond 2^53, malformed pre-release
  }
}

/** Everything from `text` on, later majors included. */
export function atLeast(text: string): VersionRange | undefined {
  const least = parseVersion(text)
  if (least === undefined) return undefined
  return { text: `>=${text}`, accepts: (version) => version.compare(least) >= 0 }
}

/** npm's range language: `1.2` is any 1.2.x, `^1.2` keeps the major, `>=1.0` is open. */
export function parseRange(text: string): VersionRange | undefined {
  if (text.length > longest || text.trim() === '') return undefined
  try {
    const range = new Range(text)
    return { text, accepts: (version) => range.test(version) }
  } catch {
    return undefined
  }
}
