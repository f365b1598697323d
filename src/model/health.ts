/** `unknown` and `degraded` are admitted, `loading` and `unhealthy` are not. */
export type Health = 'healthy' | 'degraded' | 'unhealthy' | 'loading' | 'unknown'

/** What a check may answer: a yes or no, or what it saw. */
export type CheckAnswer = boolean | { readonly status: Health; readonly message?: string }

export type Check = (signal: AbortSignal) => CheckAnswer | Promise<CheckAnswer>
