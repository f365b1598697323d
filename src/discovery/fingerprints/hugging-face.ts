import { countOf, type Fields, field, nameOf } from '../../core/foreign.js'
import type { Abilities } from '../models/rows.js'
import type { Asking } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { goodObject } from './read.js'
import { known, versionOf } from './served.js'

/** What tells the servers of Hugging Face apart: both say at `GET /info` which one model they serve. */
interface Served {
  readonly kind: string
  readonly evidence: string
  isOwn(info: Fields): boolean
  abilitiesOf(info: Fields): Abilities
  readonly contextLength: string
  /** By the name that our limits have, what `/info` calls it. */
  readonly limits: Readonly<Record<string, string>>
}

export function huggingFaceServer(served: Served): Pick<Fingerprint, 'recognise' | 'describe'> {
  const ownInfo = async (asking: Asking): Promise<Fields | undefined> => {
    const info = goodObject(await asking.get('/info'))
    return info !== undefined && served.isOwn(info) ? info : undefined
  }
  return {
    async recognise(asking) {
      const info = await ownInfo(asking)
      const id = nameOf(field(info, 'model_id'))
      if (id === undefined) return undefined
      return { evidence: served.evidence, version: versionOf(field(info, 'version')), models: [id] }
    },

    async describe(asking) {
      const info = await ownInfo(asking)
      if (info === undefined) return {}
      const id = nameOf(field(info, 'model_id'))
      const contextLength = countOf(field(info, served.contextLength))
      const capabilities = served.abilitiesOf(info)
      const limits = Object.entries(served.limits).map(([name, theirs]) => [
        name,
        countOf(field(info, theirs)),
      ])
      return {
        version: versionOf(field(info, 'version')),
        models:
          id === undefined ? [] : [{ id, provider: served.kind, capabilities, contextLength }],
        limits: known({ contextLength, ...Object.fromEntries(limits) }),
      }
    },
  }
}
