/** `unknown` and `degraded` are admitted, `loading` and `unhealthy` are not. */
export type Health = 'healthy' | 'degraded' | 'unhealthy' | 'loading' | 'unknown'

/** All of them. */
export const healths = ['healthy', 'degraded', 'unhealthy', 'loading', 'unknown'] as const

/** What a check saw. What it learned besides updates the provider; what is left out stays as it was. */
export interface CheckReport {
  readonly status: Health
  readonly message?: string | undefined
  readonly version?: string | undefined
  readonly apiVersion?: string | undefined
  readonly models?: readonly string[] | undefined
  /** All it can do by name, or only what is known for sure: true or false by name. */
  readonly capabilities?: readonly string[] | Readonly<Record<string, boolean>> | undefined
  /** As a whole, in place of those before. */
  readonly limits?: Readonly<Record<string, unknown>> | undefined
  /** How busy it is, from 0 (idle) to 1 (full). It holds until the next check, which says it anew or not at all. */
  readonly load?: number | undefined
}

/** What a check may answer: a yes or no, or what it saw. */
export type CheckAnswer = boolean | CheckReport

export type Check = (signal: AbortSignal) => CheckAnswer | Promise<CheckAnswer>

/** How a provider is checked. Rise, fall and slowness are for the monitor alone. */
export interface CheckSettings {
  /** Between two checks of the monitor, give or take 20 %. Default 30,000. */
  readonly intervalMs: number
  /** After this a check has failed. Default 2,000. */
  readonly timeoutMs: number
  /** Checks in a row that an unhealthy provider has to pass. Default 1. */
  readonly rise: number
  /** Checks in a row that a provider has to fail to be unhealthy; `degraded` before. Default 3. */
  readonly fall: number
  /** A check that passed, and took longer, says `degraded`. Default 1,000. */
  readonly slowMs: number
}

export type CheckOptions = { readonly [K in keyof CheckSettings]?: CheckSettings[K] | undefined }

/**
 * What hangs on a check. `observed`: nothing, so one failure more or less decides nothing. `decisive`: look-ups
 * go by it, so it counts at once. `awaited`: the same, and somebody waits, so it keeps the process alive.
 */
export type Reliance = 'observed' | 'decisive' | 'awaited'

/** A check under way. */
export interface Checking {
  /** Resolves when its verdict is taken up, or nobody wants it any more. */
  readonly done: Promise<void>
  /** Somebody else goes by it, too. */
  join(reliance: Reliance): void
  /** What it would say is about nobody any more. */
  cancel(): void
}
