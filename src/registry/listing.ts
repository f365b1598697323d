import type { Catalog } from '../catalog/catalog.js'
import { InvalidRequestError } from '../core/errors.js'
import { meets, parseRequirement, type Requirement } from '../model/capability.js'
import type { Health } from '../model/health.js'
import { checkListFilter } from '../model/parse/arguments.js'
import { everyHandler } from '../model/provider.js'
import type { Seat } from '../resolve/seat.js'
import type { DescribeFilter } from './views.js'

export interface ListFilter extends DescribeFilter {
  /** A capability name, or `name@range`. */
  readonly capability?: string | undefined
  readonly minVersion?: string | undefined
  readonly status?: Health | undefined
}

/** Requirements kept parsed; all are dropped when there are more. */
const mostParsed = 1_024

/** Finds providers by what they are, without choosing one. */
export class Listing {
  readonly #catalog: Catalog<Seat>
  /** By what was asked for: a router asks for the same few again and again. */
  readonly #parsed = new Map<string, Requirement>()

  constructor(catalog: Catalog<Seat>) {
    this.#catalog = catalog
  }

  /** Those that match, by service and in the order of selection. Throws `InvalidRequestError`. */
  find(filter: ListFilter): readonly Seat[] {
    if (!isPlain(filter)) checkListFilter(filter)
    const requirement = this.#requirementOf(filter)
    const found: Seat[] = []
    const near =
      requirement === undefined
        ? this.#catalog.members()
        : this.#catalog.having(requirement.name, filter.service)
    for (const seat of near) if (fits(seat, filter, requirement)) found.push(seat)
    return found.sort(byServiceAndOrder)
  }

  #requirementOf({ capability, minVersion }: ListFilter): Requirement | undefined {
    if (capability === undefined && minVersion === undefined) return undefined
    const key = minVersion === undefined ? capability : `${capability}\n${minVersion}`
    let requirement = this.#parsed.get(key ?? '')
    if (requirement === undefined) {
      requirement = asked(capability, minVersion)
      if (this.#parsed.size >= mostParsed) this.#parsed.clear()
      this.#parsed.set(key ?? '', requirement)
    }
    return requirement
  }
}

/** Plain texts in known fields need no schema to be told apart. */
function isPlain(filter: unknown): filter is ListFilter {
  if (typeof filter !== 'object' || filter === null) return false
  for (const key in filter)
    if (
      (key !== 'capability' && key !== 'minVersion' && key !== 'service') ||
      typeof (filter as Readonly<Record<string, unknown>>)[key] !== 'string'
    )
      return false
  return Object.getPrototypeOf(filter) === Object.prototype
}

function fits(
  { provider, health }: Seat,
  { service, handler, status }: ListFilter,
  requirement: Requirement | undefined,
): boolean {
  return (
    (service ?? provider.service) === provider.service &&
    (status ?? health) === health &&
    (handler === undefined || visibleTo(provider.handlers, handler)) &&
    (requirement === undefined || meets(provider.capabilities, requirement))
  )
}

const visibleTo = (handlers: readonly string[], handler: string): boolean =>
  handlers.includes(handler) || handlers.includes(everyHandler)

function byServiceAndOrder(a: Seat, b: Seat): number {
  if (a.provider.service === b.provider.service) return a.order - b.order
  return a.provider.service < b.provider.service ? -1 : 1
}

function asked(capability: string | undefined, minVersion: string | undefined): Requirement {
  if (capability === undefined)
    throw invalidFilter('minVersion', 'expected together with a capability')
  const parsed = parseRequirement(
    minVersion === undefined ? capability : { name: capability, minVersion },
  )
  if ('problem' in parsed) throw invalidFilter('capability', parsed.problem)
  return parsed
}

const invalidFilter = (field: string, message: string): Error =>
  new InvalidRequestError([{ field, message }], 'filter')
