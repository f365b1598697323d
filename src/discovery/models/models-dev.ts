import { field, isObject, nameOf, namesOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import { costOf, perMillion } from './cost.js'
import { abilitiesOfModalities, flagsOf, fromRows, importing, tokens } from './rows.js'

const flags = {
  tool_call: 'function_calling',
  reasoning: 'reasoning',
  structured_output: 'structured_output',
  attachment: 'file_input',
}

const prices = { input: 'input', output: 'output', cached: 'cache_read' }

/**
 * Models from `https://models.dev/api.json`, an object of providers. Prices per million tokens become
 * prices per 1,000. Suggested evidence: `catalogue`. Throws `InvalidRegistrationError` when the body is
 * no such object.
 */
export function modelsFromModelsDev(body: unknown): readonly ModelInput[] {
  return importing('the providers of models.dev, an object with models by provider', body, () => {
    if (!isObject(body)) return undefined
    const all = Object.entries(body)
    const providers = all.filter(([, provider]) => isObject(field(provider, 'models')))
    if (all.length > 0 && providers.length === 0) return undefined
    return fromRows(providers.flatMap(rowsOf), toModel)
  })
}

type Row = readonly [provider: string, key: string, row: unknown]

function rowsOf([key, provider]: readonly [string, unknown]): Row[] {
  const name = nameOf(field(provider, 'id')) ?? nameOf(key)
  const models = field(provider, 'models')
  if (name === undefined || !isObject(models)) return []
  return Object.entries(models).map(([id, row]) => [name, id, row])
}

function toModel([provider, key, row]: Row): ModelInput | undefined {
  const id = nameOf(field(row, 'id')) ?? nameOf(key)
  if (id === undefined || !isObject(row)) return undefined
  const input = namesOf(field(row, 'modalities', 'input'))
  const output = namesOf(field(row, 'modalities', 'output'))
  return {
    id,
    provider,
    name: nameOf(field(row, 'name')),
    capabilities: { ...abilitiesOfModalities(input, output), ...flagsOf(row, flags) },
    contextLength: tokens(field(row, 'limit', 'context')),
    maxOutputTokens: tokens(field(row, 'limit', 'output')),
    inputModalities: input,
    outputModalities: output,
    costPer1k: costOf(field(row, 'cost'), perMillion, prices),
  }
}
