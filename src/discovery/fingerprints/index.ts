import type { Fingerprint } from '../scan/fingerprint.js'
import { comfyui } from './comfyui.js'

/**
 * All programs that are known, in the order in which they are looked for: who imitates others comes before those it
 * imitates, the particular before the general.
 */
export const fingerprints: readonly Fingerprint[] = Object.freeze([comfyui])
