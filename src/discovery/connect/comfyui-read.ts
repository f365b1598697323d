import { BackendError, oneLine } from '../../core/errors.js'
import { field, isObject, nameOf } from '../../core/foreign.js'
import type { ComfyUIFile } from './comfyui-types.js'

/* What ComfyUI's answers say, none of them believed. */

const mostFiles = 10_000

/** Whatever has a file name among the outputs of the nodes: images, videos, sounds. */
export function filesIn(outputs: Readonly<Record<string, unknown>>): readonly ComfyUIFile[] {
  const lists = Object.values(outputs).flatMap((output) =>
    isObject(output) ? Object.values(output).filter((one) => Array.isArray(one)) : [],
  )
  return lists.flat().slice(0, mostFiles).flatMap(fileOf)
}

function fileOf(value: unknown): ComfyUIFile[] {
  const filename = nameOf(field(value, 'filename'))
  if (filename === undefined) return []
  const subfolder = nameOf(field(value, 'subfolder')) ?? ''
  return [{ filename, subfolder, type: nameOf(field(value, 'type')) ?? 'output' }]
}

/** The ids in a list of `/queue`: its entries are `[number, id, workflow, …]`. */
export const idsOf = (list: unknown): readonly string[] =>
  Array.isArray(list)
    ? list.flatMap((entry: unknown) => (Array.isArray(entry) ? (nameOf(entry[1]) ?? []) : []))
    : []

/** Why a workflow was not taken: the reason, and each node with what is wrong with it. */
export function promptError(url: string, status: number, body: unknown): BackendError {
  const nodes = field(body, 'node_errors')
  const parts = [
    reasonOf(field(body, 'error')) ?? 'gave no reason',
    ...(isObject(nodes) ? Object.entries(nodes).slice(0, 10).map(nodeText) : []),
  ]
  const what = `did not take the workflow: ${parts.join('; ')}`
  return new BackendError(url, what, { status, details: nodes ?? field(body, 'error') })
}

function nodeText([id, node]: [string, unknown]): string {
  const errors = field(node, 'errors')
  const reasons = (Array.isArray(errors) ? errors : []).slice(0, 3).flatMap((one: unknown) => {
    const said = reasonOf(one)
    return said === undefined ? [] : [said]
  })
  return `${nodeName(id, field(node, 'class_type'))}: ${reasons.join(', ') || 'is wrong'}`
}

function reasonOf(error: unknown): string | undefined {
  if (typeof error === 'string') return oneLine(error)
  const message = nameOf(field(error, 'message'), 2_000)
  const details = nameOf(field(error, 'details'), 2_000)
  if (message === undefined || details === undefined) return message ?? details
  return oneLine(`${message} (${details})`)
}

const nodeName = (id: unknown, type: unknown): string => {
  const kind = nameOf(type)
  return `node ${oneLine(id)}${kind === undefined ? '' : ` (${kind})`}`
}

/** Why a run failed, from `execution_error` or `execution_interrupted`. */
export function runError(url: string, event: unknown, data: unknown): BackendError {
  const node = nodeName(field(data, 'node_id') ?? '?', field(data, 'node_type'))
  if (event === 'execution_interrupted')
    return new BackendError(url, `was interrupted by somebody at ${node}`, { details: data })
  const message = field(data, 'exception_message')
  const why = typeof message === 'string' ? message.trim() : 'no reason given'
  return new BackendError(url, `could not run ${node}: ${oneLine(why)}`, {
    details: {
      node: field(data, 'node_id'),
      type: field(data, 'node_type'),
      exception: field(data, 'exception_type'),
      message,
    },
  })
}

/** What became of a run, from its entry in the history. */
export function outcomeOf(
  url: string,
  entry: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const status = field(entry, 'status')
  if (field(status, 'status_str') === 'error') throw errorIn(url, field(status, 'messages'))
  const outputs = field(entry, 'outputs')
  return isObject(outputs) ? outputs : {}
}

function errorIn(url: string, messages: unknown): BackendError {
  const list: readonly unknown[] = Array.isArray(messages) ? messages : []
  const told = list.find((one) => Array.isArray(one) && failures.has(one[0]))
  const [event, data] = Array.isArray(told) ? told : ['execution_error', undefined]
  return runError(url, event, data)
}

export const failures: ReadonlySet<unknown> = new Set(['execution_error', 'execution_interrupted'])
