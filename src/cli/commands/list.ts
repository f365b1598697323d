import { closest } from '../../model/did-you-mean.js'
import { healths } from '../../model/health.js'
import type { Model } from '../../model/llm-model.js'
import type { CircuitState, ProviderView } from '../../model/provider.js'
import type { ListFilter } from '../../registry/listing.js'
import { clean, toJson } from '../clean.js'
import { type Command, jsonFlag, operands, storeFlag } from '../command.js'
import { usage } from '../failure.js'
import { type Flags, type Input, seeHelp } from '../flags.js'
import { capabilitiesOf, capabilityTable } from '../offers.js'
import { using } from '../open.js'
import { asksServer, remoteFlags } from '../remote/access.js'
import type { ExitCode, Shell } from '../shell.js'
import { storePath } from '../store-path.js'
import { type Cell, type Colour, table } from '../table.js'
import { capabilityText, counted, healthColour } from '../words.js'

/** Filters, and which lists they are for. */
const filters: Flags = {
  service: { value: 'NAME', about: 'only providers of this service' },
  handler: { value: 'NAME', about: 'only those that this handler can use' },
  capability: { value: 'NAME[@RANGE]', about: 'only those with this capability' },
  'min-version': { value: 'VERSION', about: 'of the capability, at least' },
  status: {
    value: 'STATUS',
    about: 'healthy, degraded, unhealthy; in a file loading, unknown; of a server active, inactive',
  },
  provider: { value: 'NAME', about: 'only models of this provider' },
  type: { value: 'TYPE', about: 'of a server: worker, scout, guard or analyst' },
  namespace: { value: 'NAME', about: 'of a server: only those in this namespace' },
}

const ofServers = ['service', 'capability', 'status', 'type', 'namespace'] as const

/** What can be listed, and which filters it has. */
const lists = {
  providers: ['service', 'handler', 'capability', 'min-version', 'status'],
  capabilities: ['service', 'handler', 'capability', 'min-version', 'status'],
  models: ['capability', 'provider'],
} as const

type What = keyof typeof lists

export const list: Command = {
  name: 'list',
  operands: '[providers|models|capabilities]',
  about:
    'Lists the providers of a registry (the default), its models, or the capabilities\nthat its providers have: of a file, or with --url or REGISTRY_URL of a server.\nWorks while a program uses the registry.',
  flags: { ...filters, ...jsonFlag, ...storeFlag, ...remoteFlags },
  async run(shell, input) {
    const what = whatOf(operands(input, list, 0, 1)[0] ?? 'providers')
    if (asksServer(input, shell)) {
      if (what === 'models')
        throw usage('a server has no models to list; --store PATH lists those of a file')
      refuseOthers(input, ofServers, 'a server')
      const { listRemote } = await import('../remote/list.js')
      return listRemote(shell, input, what)
    }
    refuseOthers(input, lists[what], what)
    const path = storePath(input, shell)
    return what === 'models'
      ? listModels(shell, input, path)
      : listProviders(shell, input, path, what)
  },
}

function refuseOthers(input: Input, known: readonly string[], what: string): void {
  for (const filter of Object.keys(filters))
    if (input.has(filter) && !known.includes(filter))
      throw usage(`--${filter} is not for ${what}; ${seeHelp('list')}`)
}

function whatOf(text: string): What {
  if (Object.hasOwn(lists, text)) return text as What
  const near = closest(text, Object.keys(lists))
  const meant = near === undefined ? '' : `did you mean '${near}'? `
  throw usage(`there is no list of '${text}'; ${meant}${seeHelp('list')}`)
}

async function listProviders(
  shell: Shell,
  input: Input,
  path: string,
  what: 'providers' | 'capabilities',
): Promise<ExitCode> {
  const filter = filterOf(input)
  const { found, total } = await using(shell.open(path, { readOnly: true }), (registry) => ({
    found: registry.list(filter),
    total: registry.list().length,
  }))
  const offers = capabilitiesOf(found)
  const entries = what === 'providers' ? found : offers
  if (input.has('json')) shell.out(toJson(entries))
  else if (entries.length > 0)
    shell.out(what === 'providers' ? providerTable(found, shell) : capabilityTable(offers, shell))
  else if (total === 0) shell.err(nothingIn(path, 'providers'))
  else if (found.length === 0) shell.err(`None of ${total} providers in ${clean(path)} matches.\n`)
  else shell.err(`No capabilities among ${counted(found.length, 'provider')} in ${clean(path)}.\n`)
  return 0
}

async function listModels(shell: Shell, input: Input, path: string): Promise<ExitCode> {
  const all = await using(shell.open(path, { readOnly: true }), ({ models }) => models.list())
  const capability = input.text('capability')
  const provider = input.text('provider')
  const found = all.filter(
    (model) =>
      (capability === undefined || model.capabilities.includes(capability)) &&
      (provider ?? model.provider) === model.provider,
  )
  if (input.has('json')) shell.out(toJson(found))
  else if (found.length > 0) shell.out(modelTable(found, shell))
  else if (all.length === 0) shell.err(nothingIn(path, 'models'))
  else shell.err(`None of ${all.length} models in ${clean(path)} matches.\n`)
  return 0
}

function filterOf(input: Input): ListFilter {
  const text = input.text('status')
  const status = healths.find((one) => one === text)
  if (text !== undefined && status === undefined)
    throw usage(`--status is one of ${healths.join(', ')}; got '${text}'`)
  const minVersion = input.text('min-version')
  if (minVersion !== undefined && !input.has('capability'))
    throw usage('--min-version is of a capability; give --capability NAME as well')
  return {
    service: input.text('service'),
    handler: input.text('handler'),
    capability: input.text('capability'),
    minVersion,
    status,
  }
}

const nothingIn = (path: string, what: string): string =>
  `No ${what} in ${clean(path)}.
switchgear discover --save looks for back ends and keeps what it finds, switchgear import FILE takes over an
export, a program keeps its registry there with new ServiceRegistry({ store: fileStore(path) }), and
--store PATH looks elsewhere.
`

function providerTable(views: readonly ProviderView[], shell: Shell): string {
  const rows = views.map((view): Cell[] => [
    { text: view.name },
    { text: view.service },
    { text: view.version ?? '' },
    { text: view.health, colour: healthColour[view.health] },
    { text: view.circuit.state, colour: circuitColour[view.circuit.state] },
    { text: view.capabilities.map(capabilityText).join(', ') },
    { text: view.address ?? '' },
  ])
  const head = ['NAME', 'SERVICE', 'VERSION', 'HEALTH', 'CIRCUIT', 'CAPABILITIES', 'ADDRESS']
  return table(head, rows, { width: shell.columns, colours: shell.colours })
}

const circuitColour: Readonly<Record<CircuitState, Colour | undefined>> = {
  closed: undefined,
  'half-open': 'yellow',
  open: 'red',
}

function modelTable(models: readonly Model[], shell: Shell): string {
  const rows = models.map(({ id, provider, contextLength, costPer1k, capabilities }): Cell[] => [
    { text: id },
    { text: provider },
    { text: String(contextLength) },
    { text: costPer1k.input === undefined ? '' : String(costPer1k.input) },
    { text: costPer1k.output === undefined ? '' : String(costPer1k.output) },
    { text: capabilities.join(', ') },
  ])
  const head = ['MODEL', 'PROVIDER', 'CONTEXT', 'IN $/1K', 'OUT $/1K', 'CAPABILITIES']
  return table(head, rows, { width: shell.columns, colours: shell.colours })
}
