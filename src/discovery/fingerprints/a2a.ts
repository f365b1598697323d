import type { Asking } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { type AgentCard, cardPaths, readCard } from './a2a-card.js'
import { goodObject } from './read.js'

/** An agent of the Agent2Agent protocol. Its card is for everybody; who may talk to it is in there. */
export const a2a: Fingerprint = {
  kind: 'a2a',
  title: 'A2A agent',
  service: 'agent',
  protocol: 'a2a',
  ports: [],
  advice: `start the agent, and say on which port; it has to show its card at ${cardPaths[0]}`,

  async recognise(asking) {
    const found = await cardAt(asking)
    if (found === undefined) return undefined
    const { card, path } = found
    return {
      evidence: `GET ${path} is the card of ${card.name}`,
      version: card.description.version,
    }
  },

  async describe(asking) {
    return (await cardAt(asking))?.card.description ?? {}
  },
}

async function cardAt(
  asking: Asking,
): Promise<{ readonly path: string; readonly card: AgentCard } | undefined> {
  for (const path of cardPaths) {
    const card = readCard(goodObject(await asking.get(path)))
    if (card !== undefined) return { path, card }
  }
  return undefined
}
