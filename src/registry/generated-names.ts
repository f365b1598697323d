import type { ParsedRegistration } from '../model/parse/registration.js'

/** Names for those who give none. */
export class GeneratedNames {
  readonly #last = new Map<string, number>()
  readonly #isTaken: (name: string) => boolean

  constructor(isTaken: (name: string) => boolean) {
    this.#isTaken = isTaken
  }

  /** `<class or service>-<n>`, never the same twice. */
  nextFor({ instance, record }: ParsedRegistration): string {
    const base = classOf(instance) ?? record.service
    let number = this.#last.get(base) ?? 0
    do number += 1
    while (this.#isTaken(`${base}-${number}`))
    this.#last.set(base, number)
    return `${base}-${number}`
  }
}

/** As its author calls it; what the language calls it says nothing. */
function classOf(instance: object | undefined): string | undefined {
  try {
    const own: unknown = instance?.constructor?.name
    const says = typeof own === 'string' && own !== '' && own !== 'Object'
    return says && !own.endsWith('Function') ? own : undefined
  } catch {
    return undefined // a getter that throws names nothing
  }
}
