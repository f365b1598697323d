import { z } from 'zod'
import { type InputIssue, InvalidOptionsError, InvalidRequestError } from '../../core/errors.js'
import { eventTypes } from '../event.js'
import { healths } from '../health.js'
import { parse, preview } from './read.js'
import { duration, fn, signal, texts } from './words.js'

const describeFilter = z.strictObject({
  service: z.string().optional(),
  handler: z.string().optional(),
})

const listFilter = describeFilter.extend({
  capability: z.string().optional(),
  minVersion: z.string().optional(),
  status: z.enum(healths).optional(),
})

export const checkDescribeFilter = (input: unknown): void => {
  parse(describeFilter, input, (issues) => new InvalidRequestError(issues, 'filter'))
}

export const checkListFilter = (input: unknown): void => {
  parse(listFilter, input, (issues) => new InvalidRequestError(issues, 'filter'))
}

const exportOptions = z.strictObject({ secrets: z.boolean().optional() })

export const checkExportOptions = (input: unknown): void => {
  parse(exportOptions, input, (issues) => new InvalidOptionsError(issues, 'export options'))
}

const startOptions = z.strictObject({ storeRequired: z.boolean().optional() })

export const checkStartOptions = (input: unknown): void => {
  parse(startOptions, input, (issues) => new InvalidOptionsError(issues, 'start options'))
}

const readyOptions = z.strictObject({
  services: texts.optional(),
  timeoutMs: duration.optional(),
})

/** What to wait for, and for how long. */
export const parseReadyOptions = (
  input: unknown,
): { readonly services?: readonly string[] | undefined; readonly timeoutMs?: number | undefined } =>
  parse(readyOptions, input, (issues) => new InvalidOptionsError(issues, 'readiness options'))

const subscription = z.strictObject({
  type: z.enum(eventTypes),
  listener: fn<(event: never) => void>('a function'),
})

export const checkListener = (type: unknown, listener: unknown): void => {
  const invalid = (issues: readonly InputIssue[]): Error =>
    new InvalidRequestError(issues, 'listener')
  parse(subscription, { type, listener }, invalid)
}

const signalField = z.strictObject({ signal: signal.optional() })

export const checkSignal = (given: unknown): void => {
  parse(signalField, { signal: given }, (issues) => new InvalidRequestError(issues, 'signal'))
}

/** Milliseconds of 0 or more, Infinity included. */
export function checkDuration(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 0) return
  const message = `expected milliseconds of 0 or more, got ${preview(value, [])}`
  throw new InvalidOptionsError([{ field: name, message }])
}
