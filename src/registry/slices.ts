import { Pace } from '../store/pace.js'

/** Long work in steps. */
export type Steps<T> = Generator<undefined, T, void>

/** How far a slice came: to the end, or to where others are let in. */
interface Slice<T> {
  readonly step: IteratorResult<undefined, T>
  readonly pause: Promise<void> | undefined
}

/**
 * Runs steps to their end and lets others run in between. `cost` is what a step takes, as the length of text that takes
 * as long to read; `within` runs each slice, such as in a turn of its own.
 */
export async function inSlices<T>(
  steps: Steps<T>,
  cost: number,
  within: (slice: () => Slice<T>) => Slice<T> = (slice) => slice(),
): Promise<T> {
  const pace = new Pace()
  for (;;) {
    const { step, pause } = within(() => slice(steps, pace, cost))
    if (step.done) return step.value
    await pause
  }
}

function slice<T>(steps: Steps<T>, pace: Pace, cost: number): Slice<T> {
  for (;;) {
    const step = steps.next()
    const pause = pace.entry(cost)
    if (step.done || pause !== undefined) return { step, pause }
  }
}
