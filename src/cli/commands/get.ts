import { isoTime } from '../../core/clock.js'
import type { Model } from '../../model/llm-model.js'
import type { CircuitStats, ProviderView } from '../../model/provider.js'
import { clean, toJson } from '../clean.js'
import { type Command, jsonFlag, operands, storeFlag } from '../command.js'
import { joined, type Line, lines, text } from '../details.js'
import { Failure, usage } from '../failure.js'
import { using } from '../open.js'
import { asksServer, remoteFlags } from '../remote/access.js'
import type { Registry, Shell } from '../shell.js'
import { storePath } from '../store-path.js'
import { paint } from '../table.js'
import { whatThereIs } from '../what-there-is.js'
import { capabilityText, counted, healthColour } from '../words.js'

export const get: Command = {
  name: 'get',
  operands: 'NAME',
  about:
    'Says everything about one provider, secrets hidden; or, with --model, about the\nmodels of this id or alias, one for each provider that has it. Of a file, or\nwith --url or REGISTRY_URL of a server. Works while a program uses the registry.',
  flags: {
    model: { about: 'NAME is that of a model; only of a file' },
    ...jsonFlag,
    ...storeFlag,
    ...remoteFlags,
  },
  async run(shell, input) {
    const [name = ''] = operands(input, get, 1, 1)
    if (asksServer(input, shell)) {
      if (input.has('model')) throw usage('--model is not for a server; --store PATH reads a file')
      const { getRemote } = await import('../remote/get.js')
      return getRemote(shell, input, name)
    }
    const path = storePath(input, shell)
    const json = input.has('json')
    const text = await using(shell.open(path, { readOnly: true }), (registry) => {
      if (!input.has('model')) {
        const view = registry.get(name) ?? missing(name, path, registry)
        return json ? toJson(view) : describeProvider(view, shell)
      }
      const models = registry.models.list().filter((model) => isCalled(model, name))
      if (models.length === 0) missingModel(name, path, registry)
      return json ? toJson(models) : models.map((model) => describeModel(model, shell)).join('\n')
    })
    shell.out(text)
    return 0
  },
}

const elsewhere = '--store PATH looks elsewhere'

const isCalled = ({ id, aliases }: Model, name: string): boolean =>
  id === name || aliases.includes(name)

function missing(name: string, path: string, registry: Registry): never {
  const names = registry.list().map((view) => view.name)
  const model = registry.models.list().some((one) => isCalled(one, name))
  const hint = model ? `; a model has that name: switchgear get --model ${name}` : ''
  throw new Failure(
    `no provider '${name}' in ${path}; ${whatThereIs(name, names, elsewhere)}${hint}`,
  )
}

function missingModel(name: string, path: string, registry: Registry): never {
  const ids = [...new Set(registry.models.list().map(({ id }) => id))]
  throw new Failure(`no model '${name}' in ${path}; ${whatThereIs(name, ids, elsewhere)}`)
}

function describeProvider(view: ProviderView, shell: Shell): string {
  return lines(
    view.name,
    [
      ['service', text(view.service)],
      ['handlers', joined(view.handlers)],
      ['version', text(view.version)],
      ['api version', text(view.apiVersion)],
      ['address', text(view.address)],
      ['health', paint(view.health, healthColour[view.health], shell.colours)],
      ...view.lostDependencies.map(
        ({ dependency, reason }): Line => ['lost', text(`${dependency}: ${reason}`)],
      ),
      ['circuit', circuitText(view.circuit)],
      ['chosen by', text(`${view.strategy}, group ${view.group}, priority ${view.priority}`)],
      ['weight', view.weight === 1 ? undefined : text(view.weight)],
      ['capabilities', joined(view.capabilities.map(capabilityText))],
      ['models', joined(view.models)],
      ['depends on', joined(view.dependencies)],
      ...valuesOf('limit', view.limits ?? {}),
      ...valuesOf('metadata', view.metadata),
      ['origin', text(view.origin)],
    ],
    shell,
  )
}

const valuesOf = (label: string, values: Readonly<Record<string, unknown>>): readonly Line[] =>
  Object.entries(values).map(
    ([key, value]): Line => [
      `${label} ${key}`,
      text(typeof value === 'string' ? value : JSON.stringify(value)),
    ],
  )

function circuitText({ state, calls, failures, reason, retryAfterMs }: CircuitStats): string {
  const isOpen = state !== 'closed'
  const wait =
    retryAfterMs === undefined
      ? ''
      : retryAfterMs === Number.POSITIVE_INFINITY
        ? ', until it is reset'
        : `, may be tried in ${Math.ceil(retryAfterMs / 1_000)} s`
  const why = isOpen && reason !== undefined ? `, ${clean(reason)}` : ''
  const told = calls === 0 ? '' : `, ${counted(calls, 'call')}, ${counted(failures, 'failure')}`
  return `${state}${why}${wait}${told}`
}

function describeModel(model: Model, shell: Shell): string {
  const { contextLength, costPer1k, provenance } = model
  const isKnown = Object.hasOwn(provenance, 'contextLength')
  const all: readonly Line[] = [
    ['provider', text(model.provider)],
    ['name', text(model.name)],
    ['aliases', joined(model.aliases)],
    ['can', joined(model.capabilities)],
    ['cannot', joined(model.lacks)],
    ['context', `${tokens(contextLength)}${isKnown ? '' : ', as nobody has said'}`],
    ['longest output', tokens(model.maxOutputTokens)],
    ['takes', joined(model.inputModalities)],
    ['gives', joined(model.outputModalities)],
    ['input costs', dollars(costPer1k.input)],
    ['output costs', dollars(costPer1k.output)],
    ['cached input', dollars(costPer1k.cached)],
    ...Object.entries(provenance).map(
      ([field, { kind, source, at }]): Line => [
        `${field} from`,
        text(`${source}, ${kind}, ${isoTime(at)}`),
      ],
    ),
  ]
  return lines(model.id, all, shell)
}

const tokens = (count: number | undefined): string | undefined =>
  count === undefined ? undefined : counted(count, 'token')

const dollars = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : `$${value} for 1,000 tokens`
