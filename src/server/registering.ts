import type { AddressPolicy } from '../core/address.js'
import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { RenewOptions } from '../model/lease.js'
import type { ProviderView } from '../model/provider.js'
import type { ServiceRegistry } from '../registry/registry.js'
import { type Access, newToken, proofOf } from './access.js'
import { audit } from './audit.js'
import type { ChangeLog } from './changes.js'
import type { Entries } from './entries.js'
import type { Entry } from './entry.js'
import { parseId } from './id.js'
import { checkTelemetry } from './input.js'
import { checkLocation } from './location.js'
import { OperationError } from './operation-error.js'
import type { Caller, RegisterInput } from './operations.js'
import { factsOf, type RegistrationFacts } from './registration.js'
import type { Relay } from './relay.js'
import { type Removal, Removals } from './removals.js'
import { toRegistration } from './to-registration.js'

export interface RegisteringPorts {
  readonly registry: ServiceRegistry
  readonly access: Access
  readonly clock: Clock
  readonly logger: Logger
  /** For locations. */
  readonly policy: AddressPolicy
  readonly heartbeatTimeoutMs: number
  /** Providers at once. */
  readonly mostEntries: number
  readonly entries: Entries
  readonly log: ChangeLog
  readonly relay: Relay
  /** There is another registration now. */
  joined(view: ProviderView): void
}

/** Who comes and who goes. */
export class Registering {
  readonly #ports: RegisteringPorts
  readonly #removals = new Removals()
  #serial = 0

  constructor(ports: RegisteringPorts) {
    this.#ports = ports
  }

  async add(
    input: RegisterInput,
    caller: Caller,
  ): Promise<{ readonly entry: Entry; readonly token: string }> {
    const { policy, entries, log, logger, relay, registry, joined } = this.#ports
    const id = parseId(input.id)
    this.#admit(id, caller)
    if (input.telemetry !== undefined) checkTelemetry(input.telemetry)
    const location = input.location.trim()
    const token = newToken()
    const registration = toRegistration(id, { ...input, location }, this.#factsFor(input, token))
    if (input.mode === 'http') await checkLocation(location, policy)
    this.#admit(id, caller) // once more: others may have been faster
    relay.silently(id, () => {
      registry.adopt(registration, this.#leaseFor(id, input))
      this.#removals.registered(id)
      entries.forget(id)
    })
    const view = entries.view(id)
    const entry = entries.of(view)
    log.push({ type: 'registered', entry })
    audit(logger, 'registered', id, caller, { mode: entry.mode, service: entry.service })
    joined(view)
    return { entry, token }
  }

  /** False when there is none. */
  remove(given: string, caller: Caller): boolean {
    const id = given.trim()
    const isRemoved = this.#remove(id, caller)
    if (isRemoved) this.#removals.add({ id, caller })
    return isRemoved
  }

  /**
   * Resolves when the store has all changes, or `signal` has aborted. What was removed since the last call and is there
   * again, since another node had registered it before, is removed once more: whoever removes an id means what it is,
   * and has to be admitted to that, too.
   */
  async written(signal: AbortSignal): Promise<void> {
    const taken = this.#removals.take()
    try {
      for (let again = true; again && !signal.aborted; ) {
        await this.#ports.registry.flush()
        again = !signal.aborted && taken.filter((one) => this.#removeAgain(one)).length > 0
      }
    } finally {
      this.#removals.over(taken)
    }
  }

  #removeAgain(removal: Removal): boolean {
    if (!this.#removals.isOpen(removal)) return false
    try {
      return this.#remove(removal.id, removal.caller)
    } catch (error) {
      if (error instanceof OperationError) return false // what the caller could remove is gone
      throw error
    }
  }

  #remove(id: string, caller: Caller): boolean {
    const { registry, access, logger } = this.#ports
    const present = registry.get(id)
    access.admitChange(caller, present && factsOf(present).proof)
    if (present === undefined || !registry.unregister(id)) return false
    audit(logger, 'deregistered', id, caller)
    return true
  }

  #admit(id: string, caller: Caller): void {
    const { access, entries, registry, mostEntries } = this.#ports
    const present = registry.get(id)
    access.admitChange(caller, present && factsOf(present).proof)
    if (present === undefined && entries.size >= mostEntries)
      throw new OperationError(
        'unavailable',
        'REGISTRY_FULL',
        `There are ${mostEntries} registrations, as many as this server takes; deregister some`,
      )
  }

  #factsFor(input: RegisterInput, token: string): RegistrationFacts {
    const { face, name, mode, agentType, namespace, cluster } = input
    this.#serial += 1
    return {
      face,
      name,
      location: input.location.trim(),
      mode,
      agentType,
      namespace,
      cluster,
      registeredAt: this.#ports.clock.wall(),
      serial: this.#serial,
      proof: proofOf(token),
    }
  }

  /** Agents have to give signs of life from now on, others from their first one on. */
  #leaseFor(id: string, { face, telemetry }: RegisterInput): RenewOptions | undefined {
    const { registry, heartbeatTimeoutMs: forMs } = this.#ports
    if (face !== 'grpc' && registry.get(id)?.lease === undefined) return undefined
    return { forMs, facts: { ...(telemetry && { telemetry }), beats: 0 } }
  }
}
