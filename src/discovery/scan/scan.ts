import { setMaxListeners } from 'node:events'
import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { after, type Clock, systemClock, whenAborted } from '../../core/clock.js'
import { type Limit, limit } from '../../core/limit.js'
import { fingerprints as known } from '../fingerprints/all.js'
import type { Fingerprint } from './fingerprint.js'
import { formed } from './forms.js'
import { givenByHand, merged, toFound } from './found.js'
import { type Inspection, inspect } from './inspect.js'
import { type Knock, Knocks } from './knock.js'
import { type Limits, limitsOf, unknownKinds } from './limits.js'
import { missingOf } from './missing.js'
import type { DiscoverOptions } from './options.js'
import type { Found, Problem, Progress, ScanReport, Unknown } from './report.js'
import { originAt, type Target, type Targets, targetsOf } from './targets.js'

/** What came of one address. */
export interface Outcome {
  readonly origin: string
  readonly kinds: ReadonlySet<string>
  readonly found: Found | undefined
  /** Why there is nothing to report, such as `connection refused`. */
  readonly why: string
  readonly unknown: Unknown | undefined
}

/** One look at all addresses. */
export class Scan {
  readonly #options: DiscoverOptions
  /** All of them, whatever is wished for: who is one of the others is told apart by them. */
  readonly #fingerprints: readonly Fingerprint[]
  readonly #wanted: readonly Fingerprint[]
  readonly #clock: Clock
  readonly #policy: AddressPolicy
  readonly #limits: Limits
  readonly #knocks: Knocks
  readonly #atOnce: Limit
  readonly #stop = new AbortController()
  readonly #hosts = new Map<string, Promise<readonly string[] | string>>()
  /** What of the options cannot be used, hosts that lead nowhere, or where they may not. */
  readonly #lost: Problem[] = []
  readonly #asking = new Set<string>()
  readonly #outcomes: Outcome[] = []
  #began = 0
  #total = 0

  constructor(given: DiscoverOptions) {
    const { options, problems } = formed(given)
    const { only, clock = systemClock, policy = defaultAddressPolicy, fingerprints = [] } = options
    this.#options = options
    this.#fingerprints = [...fingerprints, ...known]
    this.#wanted = this.#fingerprints.filter(({ kind }) => only?.includes(kind) ?? true)
    this.#clock = clock
    this.#policy = policy
    this.#limits = limitsOf(options)
    this.#lost.push(...problems, ...this.#limits.problems)
    this.#lost.push(...unknownKinds(only, this.#fingerprints))
    this.#knocks = new Knocks(clock, this.#limits.timeoutMs)
    this.#atOnce = limit(this.#limits.concurrency)
    setMaxListeners(0, this.#stop.signal) // one for each address that is asked
  }

  /** Rejects only with the reason of the caller's signal. */
  async run(): Promise<ScanReport> {
    const { signal } = this.#options
    signal?.throwIfAborted()
    this.#began = this.#clock.now()
    const targets = targetsOf(this.#wanted, this.#options)
    this.#total = targets.targets.length + targets.origins.size
    let complete = true
    const give = (): void => {
      this.#stop.abort()
      this.#knocks.stop()
    }
    const cancel = after(this.#clock, this.#limits.deadlineMs, () => {
      complete = false
      give()
    })
    signal?.addEventListener('abort', give, { once: true })
    try {
      await this.#look(targets)
    } finally {
      cancel()
      signal?.removeEventListener('abort', give)
    }
    signal?.throwIfAborted()
    return this.#report(targets, complete)
  }

  async #look(plan: Targets): Promise<void> {
    const { targets, origins } = plan
    const given = [...origins].map(([origin, kind]) =>
      this.#askAt(origin, kind, plan.kindsAt(origin)),
    )
    const knocked = targets.map((target) => this.#visit(target))
    await Promise.all([...given, ...knocked])
  }

  async #visit(target: Target): Promise<void> {
    const origin = originAt(target)
    const answer = await this.#knockAt(target)
    if (answer === 'open') await this.#ask(origin, target.kinds)
    else
      this.#end({ origin, kinds: target.kinds, found: undefined, why: answer, unknown: undefined })
  }

  /** Nobody listens at most ports, and a connection costs less than a request. */
  async #knockAt({ host, port }: Target): Promise<'open' | string> {
    const addresses = await this.#addressesOf(host)
    if (typeof addresses === 'string') return addresses
    let answer: Knock = 'refused'
    for (const address of addresses) {
      answer = await this.#atOnce(() => this.#knocks.at(address, port))
      if (answer === 'open') break
    }
    return knockWords[answer]
  }

  /** Each name is looked up, and checked, once. */
  #addressesOf(host: string): Promise<readonly string[] | string> {
    const known = this.#hosts.get(host)
    if (known !== undefined) return known
    const checked = this.#checked(host)
    const late = whenAborted(this.#stop.signal).then(() => 'could not be resolved in time')
    const found = Promise.race([checked, late])
    this.#hosts.set(host, found)
    return found
  }

  /** A policy may be anybody's. */
  async #checked(host: string): Promise<readonly string[] | string> {
    try {
      const { addresses } = await this.#policy.check({ host, port: 80 })
      return [...addresses]
    } catch (error) {
      const message = error instanceof Error ? error.message : 'may not be asked'
      this.#lost.push({ field: `host ${host}`, message })
      return message
    }
  }

  async #askAt(
    origin: string,
    kind: string | undefined,
    kinds: ReadonlySet<string>,
  ): Promise<void> {
    await this.#ask(origin, kind === undefined ? kinds : new Set([...kinds, kind]), kind)
  }

  async #ask(origin: string, kinds: ReadonlySet<string>, claimed?: string): Promise<void> {
    this.#asking.add(origin)
    this.#tell()
    const inspection = await inspect(origin, {
      fingerprints: this.#fingerprints,
      kinds,
      keyOf: (kind) => this.#keyOf(kind),
      timeoutMs: this.#limits.timeoutMs,
      policy: this.#policy,
      clock: this.#clock,
      signal: this.#stop.signal,
    })
    this.#asking.delete(origin)
    this.#end(this.#outcomeOf(origin, kinds, inspection, claimed))
  }

  #outcomeOf(
    origin: string,
    kinds: ReadonlySet<string>,
    inspection: Inspection,
    claimed: string | undefined,
  ): Outcome {
    if (inspection.fingerprint !== undefined) {
      const { kind, title } = inspection.fingerprint
      const isWanted = this.#wanted.includes(inspection.fingerprint)
      const found = isWanted ? toFound(origin, inspection, this.#keyOf(kind)) : undefined
      return { origin, kinds, found, why: `is ${title}`, unknown: undefined }
    }
    const { why, silent } = inspection
    const said = this.#wanted.find(({ kind }) => kind === claimed)
    if (said !== undefined)
      return { origin, kinds, found: givenByHand(origin, said, why), why, unknown: undefined }
    return { origin, kinds, found: undefined, why, unknown: { address: origin, why, silent } }
  }

  #keyOf(kind: string): string | undefined {
    return this.#options.backends?.[kind]?.key
  }

  #end(outcome: Outcome): void {
    this.#outcomes.push(outcome)
    this.#tell()
  }

  #tell(): void {
    const { onProgress } = this.#options
    if (onProgress === undefined) return
    const progress: Progress = {
      done: this.#outcomes.length,
      total: this.#total,
      elapsedMs: this.#clock.now() - this.#began,
      asking: [...this.#asking],
      found: this.#found(),
    }
    try {
      onProgress(Object.freeze(progress))
    } catch {
      // whoever watches does not stop the scan
    }
  }

  #found(): readonly Found[] {
    return merged(this.#outcomes.flatMap(({ found }) => found ?? []).sort(byPlace))
  }

  #report({ problems }: Targets, complete: boolean): ScanReport {
    const found = this.#found()
    return Object.freeze<ScanReport>({
      found,
      unknown: this.#outcomes.flatMap(({ unknown }) => unknown ?? []),
      missing: missingOf(this.#wanted, found, this.#outcomes),
      problems: [...problems, ...this.#lost],
      ports: this.#outcomes.length,
      complete,
      elapsedMs: this.#clock.now() - this.#began,
    })
  }
}

const knockWords: Readonly<Record<Knock, string>> = {
  open: 'open',
  refused: 'connection refused: nothing listens there',
  unreachable: 'cannot be reached',
  timeout: 'did not accept a connection in time',
  exhausted:
    'was not looked at: too many files are open; lower concurrency, or raise the limit (ulimit -n)',
}

/** IPv4 before IPv6, then by address, so that reports read the same each time. */
function byPlace(a: Found, b: Found): number {
  const six = Number(a.address.includes('[')) - Number(b.address.includes('['))
  return six || a.address.localeCompare(b.address, 'en', { numeric: true })
}
