import { orAborted, pause, settled, systemClock } from '../../core/clock.js'
import type { Probe } from '../../model/provider.js'
import type { Sighting } from '../../model/sighting.js'
import { connectBackend } from '../connect/backend.js'
import { fingerprints as known } from '../fingerprints/all.js'
import { discover } from '../scan/discover.js'
import { formed } from '../scan/forms.js'
import type { DiscoverOptions } from '../scan/options.js'
import { recheck } from '../scan/recheck.js'
import type { Found, ScanReport } from '../scan/report.js'
import { sightingOf } from '../scan/sighting.js'
import type { Source } from '../source.js'
import { positiveIssue, refuseIssues } from './look-up.js'

export interface LocalBackendsOptions extends Omit<DiscoverOptions, 'signal'> {
  /** Default `local`. */
  readonly name?: string | undefined
  /** Between the end of a scan and the next, in milliseconds. Default 30,000. */
  readonly everyMs?: number | undefined
  /** The service that a back end is registered for. Default `llm`, `media`, `tools` or `agent`. */
  readonly serviceOf?: ((found: Found) => string) | undefined
  /** Told what each scan found. What it throws is ignored. */
  readonly onReport?: ((report: ScanReport) => void) | undefined
}

/**
 * Scans for back ends, over and over, and gives those it recognises as providers that can be called. One that accepts
 * connections and is too busy to answer stays as it was: its probe says how it is.
 *
 * Throws `InvalidOptionsError` when `everyMs` is no time; what else is wrong is in each report.
 */
export function localBackends(options: LocalBackendsOptions = {}): Source {
  const { everyMs = 30_000, clock = systemClock, onReport } = options
  refuseIssues('localBackends', [positiveIssue('everyMs', everyMs)])
  const scans = new SharedScan(options)
  const toSighting = sightings(options)
  let before: ReadonlyMap<string, Sighting> = new Map()
  return {
    name: options.name ?? 'local',
    async *watch(signal) {
      while (!signal.aborted) {
        const report = await scans.run(signal)
        if (report === undefined) return
        tell(onReport, report)
        const now = new Map(
          report.found.map((found) => [
            found.address,
            unfinished(found, before.get(found.address)) ?? toSighting(found),
          ]),
        )
        for (const [address, sighting] of before)
          if (!now.has(address) && mayBeThere(report, address)) now.set(address, sighting)
        before = now
        yield [...now.values()]
        await pause(clock, everyMs, signal)
      }
    },
  }
}

/** What it did not come to say is as it was. */
const unfinished = (
  { health, kind, partial }: Found,
  before: Sighting | undefined,
): Sighting | undefined =>
  partial === true && before?.metadata?.kind === kind ? { ...before, health } : undefined

/** It did not answer in time, or nobody had time to ask. */
const mayBeThere = ({ complete, unknown }: ScanReport, at: string): boolean =>
  !complete || unknown.some(({ address, silent }) => silent && address === at)

/** Scans, one at a time: whoever asks while one is under way gets what that one finds. */
class SharedScan {
  readonly #options: DiscoverOptions
  #running: Promise<ScanReport> | undefined
  #stop = new AbortController()
  #waiting = 0

  constructor(options: DiscoverOptions) {
    this.#options = options
  }

  /** `undefined` when the signal aborts first; a scan that nobody waits for any more ends. */
  async run(signal: AbortSignal): Promise<ScanReport | undefined> {
    const running = this.#running ?? this.#begin()
    this.#waiting += 1
    try {
      return await orAborted(running, signal)
    } finally {
      this.#waiting -= 1
      void this.#leave(running)
    }
  }

  #begin(): Promise<ScanReport> {
    this.#stop = new AbortController()
    const running = discover({ ...this.#options, signal: this.#stop.signal })
    const ended = (): void => {
      if (this.#running === running) this.#running = undefined
    }
    running.then(ended, ended)
    this.#running = running
    return running
  }

  /** Whoever leaves to look anew is back at once, and waits on: else who asks often enough would never see an end. */
  async #leave(running: Promise<ScanReport>): Promise<void> {
    await settled()
    if (this.#waiting > 0 || this.#running !== running) return
    this.#running = undefined
    this.#stop.abort()
  }
}

function tell(onReport: LocalBackendsOptions['onReport'], report: ScanReport): void {
  try {
    onReport?.(report)
  } catch {
    // whoever watches does not stop the source
  }
}

/** One probe for each kind and way of being known, so that a provider keeps its own from view to view. */
function sightings(given: LocalBackendsOptions): (found: Found) => Sighting {
  const { serviceOf = ({ service }) => service, policy } = given
  const { backends = {}, fingerprints: own = [] } = formed(given).options
  const fingerprints = [...own, ...known]
  const probes = new Map<string, Probe>()
  const connect = connectBackend({
    policy,
    keys: Object.fromEntries(Object.entries(backends).map(([kind, { key }]) => [kind, key])),
  })
  return (found) => {
    const { kind, weak, needsCredentials } = found
    const fingerprint = fingerprints.find((one) => one.kind === kind)
    const id = `${kind} ${weak} ${needsCredentials}`
    let probe = probes.get(id)
    if (probe === undefined && fingerprint !== undefined) {
      probe = recheck(fingerprint, { weak, needsCredentials, key: backends[kind]?.key, policy })
      probes.set(id, probe)
    }
    return { ...sightingOf(found, serviceOf(found)), connect, probe }
  }
}
