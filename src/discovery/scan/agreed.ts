import { field, nameOf } from '../../core/foreign.js'
import { readHealthAnswer } from '../../model/health-answer.js'
import { standardCapabilities } from '../../model/standard-capabilities.js'
import { goodObject, isGood } from '../fingerprints/read.js'
import type { Asking } from './asking.js'
import type { Description, Fingerprint, Recognition } from './fingerprint.js'

/*
 * Wrappers around programs that have no health path of their own agree on one: a JSON object at a known path, with
 * status, version, models, features and limits. Anything may answer a path, so this counts only at the ports of the
 * program it stands for, and only when nothing better is known.
 */

const standard = new Set(standardCapabilities.map(({ name }) => name))

/** What the agreed path of this program says; `undefined` when it is not answered as agreed. */
export async function agreed(
  fingerprint: Fingerprint,
  asking: Asking,
): Promise<{ recognition: Recognition; description: Description } | undefined> {
  return (await answered(fingerprint, asking)) ?? (await greeted(fingerprint, asking))
}

async function greeted({ greeting }: Fingerprint, asking: Asking): ReturnType<typeof agreed> {
  if (greeting === undefined) return undefined
  const { json } = await asking.hear(greeting.path)
  if (!greeting.isItsOwn(json)) return undefined
  const evidence = `WS ${greeting.path} greets as such a program does`
  return { recognition: { evidence }, description: {} }
}

async function answered(
  { agreedPath, kind }: Fingerprint,
  asking: Asking,
): ReturnType<typeof agreed> {
  if (agreedPath === undefined || !(await mayAsk(kind, asking))) return undefined
  const body = goodObject(await asking.get(agreedPath))
  if (body === undefined || namesAnother(body, kind) || (await answersAll(asking))) return undefined
  try {
    const { status, version, apiVersion, models, capabilities, limits } = readHealthAnswer(
      body,
      (name) => standard.has(name),
    )
    const said = { version, health: status === 'unknown' ? undefined : status }
    return {
      recognition: { evidence: `GET ${agreedPath} answers with a JSON object`, ...said },
      description: {
        ...said,
        apiVersion,
        models: models?.map((id) => ({ id, provider: kind })),
        capabilities,
        limits,
      },
    }
  } catch {
    return undefined // too large to be a health answer
  }
}

/** It says itself which program it is. */
function namesAnother(body: Readonly<Record<string, unknown>>, kind: string): boolean {
  const service = nameOf(field(body, 'service'), 100)
  return service !== undefined && service.toLowerCase().replaceAll(/[^a-z0-9]/g, '') !== kind
}

/** Who answers a path that nobody has, says nothing by answering another. */
const answersAll = async (asking: Asking): Promise<boolean> =>
  isGood((await asking.get('/no-program-has-this-path')).status)

/** With a key in place, LiteLLM's /health calls every model: it is asked only where LiteLLM itself is not. */
async function mayAsk(kind: string, asking: Asking): Promise<boolean> {
  return kind !== 'litellm' || (await asking.get('/health/liveliness')).status === 404
}
