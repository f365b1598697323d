import { clean, toJson } from '../clean.js'
import type { Input } from '../flags.js'
import { capabilitiesOf, capabilityTable } from '../offers.js'
import type { ExitCode, Shell } from '../shell.js'
import { counted } from '../words.js'
import type { RemoteEntry } from './entry.js'
import { entryTable } from './entry-words.js'
import { nameIn, testOf } from './filters.js'
import { remotely } from './remote.js'

export async function listRemote(
  shell: Shell,
  input: Input,
  what: 'providers' | 'capabilities',
): Promise<ExitCode> {
  const test = testOf(input)
  const { all, url } = await remotely(shell, input, async (remote) => ({
    all: await remote.list(),
    url: clean(remote.url),
  }))
  const found = all.filter(test)
  const offers = capabilitiesOf(found.map(toOffering))
  const shown = what === 'providers' ? found : offers
  if (input.has('json')) shell.out(toJson(shown))
  else if (shown.length > 0)
    shell.out(what === 'providers' ? entryTable(found, shell) : capabilityTable(offers, shell))
  else if (all.length === 0)
    shell.err(`Nothing is registered at ${url}; switchgear register does that.\n`)
  else if (found.length === 0)
    shell.err(`None of ${counted(all.length, 'registration')} at ${url} matches.\n`)
  else shell.err(`No capabilities among ${counted(found.length, 'registration')} at ${url}.\n`)
  return 0
}

const toOffering = ({ id, service, capabilities }: RemoteEntry) => ({
  name: id,
  service,
  capabilities: capabilities.map((one) => ({
    name: nameIn(one),
    version: one.includes('@') ? one.slice(nameIn(one).length + 1) : undefined,
  })),
})
