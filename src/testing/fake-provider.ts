/** How the next calls of a fake provider end. */
type Script =
  | { readonly kind: 'succeed'; readonly result: unknown }
  | { readonly kind: 'fail'; readonly error: unknown }
  | { readonly kind: 'stall' }

export interface FakeProviderOptions {
  readonly name: string
  readonly capabilities?: readonly string[]
}

/**
 * A provider that fails, stalls and recovers on cue. Register it as the `provider` of any service;
 * its work is `call(...args)`, and `isHealthy()` answers what `healthy` says.
 */
export class FakeProvider {
  readonly name: string
  readonly capabilities: readonly string[]
  /** What `isHealthy()` answers. */
  healthy = true
  /** The arguments of each call so far. */
  readonly calls: (readonly unknown[])[] = []
  readonly #pending: (() => void)[] = []
  #script: Script = { kind: 'succeed', result: undefined }

  constructor({ name, capabilities = [] }: FakeProviderOptions) {
    this.name = name
    this.capabilities = capabilities
  }

  /** Calls resolve with `result`, by default with the provider's name. */
  succeed(result: unknown = this.name): this {
    this.#script = { kind: 'succeed', result }
    return this
  }

  /** Calls reject with `error`. */
  fail(error: unknown = new Error(`${this.name} failed`)): this {
    this.#script = { kind: 'fail', error }
    return this
  }

  /** Calls never settle, until `release()`. */
  stall(): this {
    this.#script = { kind: 'stall' }
    return this
  }

  /** Calls that stalled end the way calls end now. */
  release(): void {
    for (const end of this.#pending.splice(0)) end()
  }

  isHealthy(): boolean {
    return this.healthy
  }

  async call(...args: readonly unknown[]): Promise<unknown> {
    this.calls.push(args)
    if (this.#script.kind === 'stall')
      await new Promise<void>((resolve) => {
        this.#pending.push(resolve)
      })
    return this.#end()
  }

  #end(): unknown {
    const script = this.#script
    if (script.kind === 'fail') throw script.error
    return script.kind === 'succeed' ? (script.result ?? this.name) : this.name
  }
}
