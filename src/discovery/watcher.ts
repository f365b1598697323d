import { backoffMs } from '../core/backoff.js'
import { type Clock, later, orAborted, pause } from '../core/clock.js'
import { oneLine } from '../core/errors.js'
import type { Random } from '../core/random.js'
import type { Sighting } from '../model/sighting.js'
import { type Difference, Sightings } from './reconcile.js'
import type { Source, View } from './source.js'

export interface WatcherSettings {
  /** A provider that is seen no more is removed after so long. */
  readonly graceMs: number
  /** Without a good view for so long, nothing of the source counts as well; never, if left out. */
  readonly staleAfterMs: number | undefined
}

/** What a watcher tells its surroundings. */
export interface WatcherPorts {
  readonly clock: Clock
  readonly random: Random
  /** Takes over what a view made different. The sightings that it refuses are not known afterwards. */
  apply(difference: Difference): void
  /** Too long without a good view. */
  stale(names: readonly string[]): void
  failed(error: unknown, retryInMs: number): void
}

/** How a source is doing. */
export interface SourceState {
  /** `starting` before its first view, `ended` when it will not look again. */
  readonly state: 'starting' | 'live' | 'failing' | 'ended'
  /** Providers it has given that are still there. */
  readonly providers: number
  /** Since the last good view; `undefined` before the first. */
  readonly lastSuccessAgeMs: number | undefined
  /** Why it last failed, though it may be live again. */
  readonly lastError: string | undefined
}

const retry = { firstMs: 1_000, maxMs: 60_000 }

/** Asks one source, over and over, and keeps its last good view while it cannot answer. */
export class Watcher {
  readonly source: Source
  readonly sightings: Sightings
  readonly #settings: WatcherSettings
  readonly #ports: WatcherPorts
  readonly #stopped = new AbortController()
  /** Aborted to look anew. */
  #look = new AbortController()
  #state: SourceState['state'] = 'starting'
  /** The last good view, or the start. */
  #goodAt = 0
  #hasSeen = false
  #isStale = false
  #lastError: string | undefined
  #failures = 0
  #stopTimer: (() => void) | undefined
  readonly #waiting: Waiter[] = []

  constructor(source: Source, settings: WatcherSettings, ports: WatcherPorts) {
    this.source = source
    this.sightings = new Sightings(settings)
    this.#settings = settings
    this.#ports = ports
  }

  start(): void {
    this.#goodAt = this.#ports.clock.now()
    this.#arm()
    void this.#run()
  }

  stop(): void {
    this.#stopped.abort()
    this.#look.abort()
    this.#stopTimer?.()
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  /** Looks again now. Resolves with the next view, rejects with what the source throws. */
  refresh(): Promise<void> {
    const seen = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
    })
    if (this.#state !== 'ended') this.#look.abort()
    else {
      this.#state = 'starting'
      void this.#run()
    }
    return seen
  }

  get state(): SourceState {
    const age = this.#ports.clock.now() - this.#goodAt
    return Object.freeze({
      state: this.#state,
      providers: this.sightings.size,
      lastSuccessAgeMs: this.#hasSeen ? age : undefined,
      lastError: this.#lastError,
    })
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.#look = new AbortController()
      const { signal } = this.#look
      try {
        if (await this.#watch(signal)) {
          this.#state = 'ended'
          return
        }
      } catch (error) {
        if (!signal.aborted) await pause(this.#ports.clock, this.#fail(error), signal)
      }
    }
  }

  /** True when the source has nothing more to say, false when it is to be asked anew. */
  async #watch(signal: AbortSignal): Promise<boolean> {
    const views = this.source.watch(signal)[Symbol.asyncIterator]()
    let seen = false
    for (;;) {
      // A source that does not mind the signal is left behind.
      const next = await orAborted(views.next(), signal)
      if (next === undefined || signal.aborted) {
        void views.return?.()?.then(undefined, () => {})
        return false
      }
      if (next.done) {
        if (seen) return true
        throw new Error('it ended without a view')
      }
      seen = true
      this.#see(next.value)
    }
  }

  #see(view: View): void {
    const { sightings, authoritative = false } = toView(view)
    const { clock } = this.#ports
    const now = clock.now()
    this.#state = 'live'
    this.#goodAt = now
    this.#hasSeen = true
    this.#isStale = false
    this.#failures = 0
    const difference = this.sightings.see(sightings, authoritative, now)
    if (difference !== undefined) this.#ports.apply(difference)
    this.#arm()
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  /** Gives how long to wait before it is asked again. */
  #fail(error: unknown): number {
    this.#state = 'failing'
    this.#failures += 1
    this.#lastError = oneLine(error)
    const retryInMs = backoffMs(this.#failures, retry, this.#ports.random)
    this.#ports.failed(error, retryInMs)
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    return retryInMs
  }

  /** One timer for the first grace that ends, or for the time when the last view is too old. */
  #arm(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    const { staleAfterMs = Number.POSITIVE_INFINITY } = this.#settings
    const staleAt = this.#isStale ? Number.POSITIVE_INFINITY : this.#goodAt + staleAfterMs
    // What a failing source does not see may be there all the same.
    const graceAt = this.#state === 'failing' ? Number.POSITIVE_INFINITY : this.sightings.nextAt
    const at = Math.min(graceAt, staleAt)
    if (!Number.isFinite(at) || this.#stopped.signal.aborted) return
    const { clock } = this.#ports
    this.#stopTimer = later(clock, at - clock.now(), () => this.#due())
  }

  #due(): void {
    const now = this.#ports.clock.now()
    const { staleAfterMs = Number.POSITIVE_INFINITY } = this.#settings
    if (!this.#isStale && now - this.#goodAt >= staleAfterMs) {
      this.#isStale = true
      this.#ports.stale(this.sightings.names())
    }
    const gone = this.#state === 'failing' ? [] : this.sightings.sweep(now)
    if (gone.length > 0) this.#ports.apply({ seen: [], missing: [], gone })
    this.#arm()
  }
}

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/** A view is checked where it comes in; what is in it, one by one. */
function toView(view: unknown): {
  readonly sightings: readonly Sighting[]
  authoritative?: boolean
} {
  if (Array.isArray(view)) return { sightings: view }
  const { sightings, authoritative } = (view ?? {}) as Partial<
    Extract<View, { sightings: unknown }>
  >
  if (Array.isArray(sightings)) return { sightings, authoritative: authoritative === true }
  throw new TypeError(
    'it gave no view: expected a list of sightings, or { sightings, authoritative? }',
  )
}
