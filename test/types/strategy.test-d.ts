import { expectTypeOf } from 'vitest'
import {
  type Candidate,
  type NonEmpty,
  type Strategy,
  type StrategyChoice,
  weighted,
} from '../../src/index.js'
import { strategyConformance } from '../../src/testing/index.js'

const last: Strategy = {
  name: 'last',
  pick(candidates, { pool, key }) {
    expectTypeOf(candidates).toEqualTypeOf<NonEmpty<Candidate>>()
    expectTypeOf(candidates[0]).toEqualTypeOf<Candidate>()
    expectTypeOf(candidates[1]).toEqualTypeOf<Candidate | undefined>()
    expectTypeOf(pool).toEqualTypeOf<object>()
    expectTypeOf(key).toEqualTypeOf<string | undefined>()
    // @ts-expect-error facts cannot be changed
    candidates[0].weight = 5
    // @ts-expect-error nor can the list
    candidates.reverse()
    return candidates.at(-1) ?? candidates[0]
  },
}
const choices: StrategyChoice[] = ['fallback', 'round_robin', 'two-choices', weighted(), last]
strategyConformance(() => last).every(({ run }) => run)
void choices

// @ts-expect-error a strategy must choose
const undecided: Strategy = { name: 'undecided', pick: () => undefined }
// @ts-expect-error and at once
const slow: Strategy = { name: 'slow', pick: async ([first]) => first }
// @ts-expect-error and have a name
const nameless: Strategy = { pick: ([first]) => first }
void [undecided, slow, nameless]
