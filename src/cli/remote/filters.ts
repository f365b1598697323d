import { usage } from '../failure.js'
import type { Flags, Input } from '../flags.js'
import { isActive, type RemoteEntry } from './entry.js'

export type Test = (entry: RemoteEntry) => boolean

/** Which registrations of a server are of interest, whatever becomes of them. */
export const entryFlags: Flags = {
  service: { value: 'NAME', about: 'only providers of this service' },
  capability: { value: 'NAME[@VERSION]', about: 'only those with this capability' },
  type: { value: 'TYPE', about: 'only agents that are worker, scout, guard or analyst' },
  namespace: { value: 'NAME', about: 'only those in this namespace' },
}

const statuses: Readonly<Record<string, Test>> = {
  healthy: ({ status }) => status === 'healthy',
  degraded: ({ status }) => status === 'degraded',
  unhealthy: ({ status }) => status === 'unhealthy',
  active: isActive,
  inactive: (entry) => !isActive(entry),
}

const types = ['worker', 'scout', 'guard', 'analyst']

/** All of them have to hold. Fails with exit code 2 on a word that is none of those. */
export function testOf(input: Pick<Input, 'text'>): Test {
  const service = input.text('service')
  const capability = input.text('capability')
  const namespace = input.text('namespace')
  const type = typeOf(input.text('type'))
  const status = statusOf(input.text('status'))
  return (entry) =>
    (service ?? entry.service) === entry.service &&
    (capability === undefined || has(entry, capability)) &&
    (namespace ?? entry.namespace) === entry.namespace &&
    (type ?? entry.agentType) === entry.agentType &&
    status(entry)
}

/** As it is written; without a version, also in any version. */
const has = ({ capabilities }: RemoteEntry, wanted: string): boolean =>
  capabilities.some((one) => one === wanted || nameIn(one) === wanted)

/** `chat@2` is `chat` in version 2. */
export const nameIn = (capability: string): string => capability.replace(/@.*$/s, '')

function typeOf(text: string | undefined): string | undefined {
  if (text === undefined || types.includes(text.toLowerCase())) return text?.toLowerCase()
  throw usage(`--type is one of ${types.join(', ')}; got '${text}'`)
}

function statusOf(text: string | undefined): Test {
  if (text === undefined) return () => true
  const word = text.toLowerCase()
  const test = Object.hasOwn(statuses, word) ? statuses[word] : undefined
  if (test !== undefined) return test
  throw usage(`--status is one of ${Object.keys(statuses).join(', ')}; got '${text}'`)
}
