import type { DiscoverOptions } from './options.js'
import type { Problem } from './report.js'

export interface Limits {
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly concurrency: number
  readonly problems: readonly Problem[]
}

/** The numbers of a scan. One that cannot be used is a problem, and its default counts. */
export function limitsOf(options: DiscoverOptions): Limits {
  const problems: Problem[] = []
  const positive = (field: 'timeoutMs' | 'deadlineMs', usual: number): number => {
    const given: unknown = options[field] ?? usual
    if (typeof given === 'number' && Number.isFinite(given) && given > 0) return given
    const message = `is no time: milliseconds above 0, got ${String(given).slice(0, 40)}; ${usual} is used`
    problems.push({ field, message })
    return usual
  }
  const atOnce = (usual: number): number => {
    const given: unknown = options.concurrency ?? usual
    if (typeof given === 'number' && Number.isInteger(given) && given > 0) return given
    const message = `is no number of connections: 1 or more, got ${String(given).slice(0, 40)}; ${usual} is used`
    problems.push({ field: 'concurrency', message })
    return usual
  }
  return {
    timeoutMs: positive('timeoutMs', 2_000),
    deadlineMs: positive('deadlineMs', 4_500),
    concurrency: atOnce(256),
    problems,
  }
}

/** Kinds that are looked for although nobody knows them: a typing error would find nothing, and not say so. */
export function unknownKinds(
  only: DiscoverOptions['only'],
  known: readonly { readonly kind: string }[],
): readonly Problem[] {
  const kinds = known.map(({ kind }) => kind)
  return (only ?? []).flatMap((kind, index) =>
    kinds.includes(kind)
      ? []
      : [
          {
            field: `only[${index}]`,
            message: `is no kind that is known; known are ${kinds.join(', ')}`,
          },
        ],
  )
}
