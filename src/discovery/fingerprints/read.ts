import { isObject } from '../../core/foreign.js'
import type { Reply } from '../scan/asking.js'

/*
 * Reading replies. A status alone never counts: some programs answer everything with 200, and pages with 200 are not
 * answers.
 */

/** The body of a good answer, if it is a JSON object. */
export function goodObject({ status, json }: Reply): Readonly<Record<string, unknown>> | undefined {
  return isGood(status) && isObject(json) ? json : undefined
}

/** The body of a good answer, if it is a JSON list. */
export function goodList({ status, json }: Reply): readonly unknown[] | undefined {
  return isGood(status) && Array.isArray(json) ? json : undefined
}

export const isGood = (status: number): boolean => status >= 200 && status < 300

/** It is there and wants to know who asks. */
export const isRefused = ({ status }: Reply): boolean => status === 401 || status === 403
