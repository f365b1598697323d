import { fingerprints } from '../../discovery/fingerprints/all.js'
import type { Fingerprint } from '../../discovery/scan/fingerprint.js'
import { closest } from '../../model/did-you-mean.js'
import { usage } from '../failure.js'

const kinds: readonly string[] = fingerprints.map(({ kind }) => kind)

/** A kind of program that is known. Fails with exit code 2 on another. */
export function knownKind(text: string, flag: string): string {
  if (kinds.includes(text)) return text
  const near = closest(text, kinds)
  const meant = near === undefined ? '' : `did you mean '${near}'? `
  throw usage(`${flag}: there is no kind '${text}'; ${meant}known are ${kinds.join(', ')}`)
}

/** Whose usual port this is, as their makers write them. */
export const usualAt = (port: number): readonly Fingerprint[] =>
  fingerprints.filter(({ ports }) => ports.includes(port))
