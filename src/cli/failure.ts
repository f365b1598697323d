import type { ExitCode } from './shell.js'

/** Ends a command. The message says what, to what, why, and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exit: ExitCode

  constructor(message: string, options?: ErrorOptions & { readonly exit?: ExitCode }) {
    super(message, options)
    this.exit = options?.exit ?? 1
  }
}

/** The command line itself is wrong. */
export const usage = (message: string): Failure => new Failure(message, { exit: 2 })
