import { type InputIssue, InvalidRequestError } from '../core/errors.js'
import { field, isObject, nameOf } from '../core/foreign.js'
import type { RemoteRecord, RemoteStatus } from './record.js'

/** What is looked for. It is read, and never changed. */
export interface DiscoverRequest {
  /** All of them are needed. Default none: everybody will do. */
  readonly capabilities?: readonly string[] | undefined
  /** Who has more of them comes first. */
  readonly optional?: readonly string[] | undefined
  /**
   * `status` (`healthy`, `degraded`, `unhealthy`, `active`, `inactive`; default `active`), `version`, `mode` and
   * `service`; another key means that the metadata's value, as a text, is equal. All have to hold.
   */
  readonly filters?: Readonly<Record<string, string>> | undefined
}

const statuses: Readonly<Record<string, readonly RemoteStatus[]>> = {
  healthy: ['healthy'],
  degraded: ['degraded'],
  unhealthy: ['unhealthy'],
  active: ['healthy', 'degraded'],
  inactive: ['unhealthy'],
}

/**
 * Those that fit, best first: by how many different capabilities of both lists they have; those that are equal in
 * that stay in order. Throws `InvalidRequestError`.
 */
export function matching(
  records: () => readonly RemoteRecord[],
  request: DiscoverRequest,
): readonly RemoteRecord[] {
  const { capabilities = [], optional = [], filters = {} } = checked(request)
  const tests = Object.entries({ status: 'active', ...filters }).map(([key, value]) =>
    testOf(key, value),
  )
  const wanted = new Set(optional)
  const found = records().flatMap((record) => {
    const has = new Set(record.capabilities)
    const fits = capabilities.every((one) => has.has(one)) && tests.every((test) => test(record))
    return fits ? [{ record, score: [...wanted].filter((one) => has.has(one)).length }] : []
  })
  return found.sort((a, b) => b.score - a.score).map(({ record }) => record)
}

type Test = (record: RemoteRecord) => boolean

function testOf(key: string, value: string): Test {
  if (key === 'status') {
    const word = value.toLowerCase()
    const wanted = Object.hasOwn(statuses, word) ? (statuses[word] ?? []) : []
    return ({ status }) => wanted.includes(status)
  }
  if (key === 'version' || key === 'mode' || key === 'service')
    return (record) => record[key] === value
  return ({ metadata }) => textOf(field(metadata, key)) === value
}

const textOf = (value: unknown): string | undefined =>
  ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined

function checked(request: DiscoverRequest): DiscoverRequest {
  const issues: InputIssue[] = isObject(request)
    ? [
        ...namesIssue('capabilities', request.capabilities),
        ...namesIssue('optional', request.optional),
        ...filterIssues(request.filters),
      ]
    : [{ field: '', message: 'expected an object such as { capabilities: ["chat"] }' }]
  if (issues.length > 0) throw new InvalidRequestError(issues, 'discovery')
  return request
}

function namesIssue(key: string, list: unknown): readonly InputIssue[] {
  const isList = Array.isArray(list) && list.every((one) => nameOf(one) !== undefined)
  return list === undefined || isList ? [] : [{ field: key, message: 'expected a list of names' }]
}

function filterIssues(filters: unknown): readonly InputIssue[] {
  if (filters === undefined) return []
  if (!isObject(filters)) return [{ field: 'filters', message: 'expected texts by key' }]
  return Object.entries(filters).flatMap(([key, value]) => {
    if (typeof value !== 'string')
      return [{ field: `filters.${key}`, message: `expected a text, not ${typeof value}` }]
    if (key !== 'status' || Object.hasOwn(statuses, value.toLowerCase())) return []
    const known = Object.keys(statuses).join(', ')
    return [{ field: 'filters.status', message: `expected one of ${known}` }]
  })
}
