import { describe, expect, it } from 'vitest'
import { type Finding, observed, streakAfter } from '../../src/health/verdict.js'
import type { Health } from '../../src/index.js'

const finding = (health: Health, tookMs = 1): Finding => ({
  health,
  problem: undefined,
  tookMs,
  learned: undefined,
})
const settings = { intervalMs: 30_000, timeoutMs: 2_000, rise: 1, fall: 3, slowMs: 1_000 }

/** What the monitor says after each of these answers, one after the other. */
function story(answers: readonly Health[], own: Partial<typeof settings> = {}): Health[] {
  let [verdict, streak]: [Health, number] = ['unknown', 0]
  return answers.map((health) => {
    streak = streakAfter(streak, health)
    verdict = observed(verdict, finding(health), streak, { ...settings, ...own })
    return verdict
  })
}

const [well, weak, sick, busy, mute] = [
  'healthy',
  'degraded',
  'unhealthy',
  'loading',
  'unknown',
] as const

describe('rise and fall', () => {
  it.each<[string, readonly Health[], Partial<typeof settings>, readonly Health[]]>([
    [
      'two failures are degraded, the third is unhealthy',
      [well, sick, sick, sick],
      {},
      [well, weak, weak, sick],
    ],
    ['before the first pass as well', [sick, sick, sick], {}, [weak, weak, sick]],
    [
      'a pass in between begins anew',
      [sick, sick, well, sick, sick, sick],
      {},
      [weak, weak, well, weak, weak, sick],
    ],
    ['one pass is enough', [sick, sick, sick, well], {}, [weak, weak, sick, well]],
    ['with fall 1 the first failure decides', [well, sick], { fall: 1 }, [well, sick]],
    [
      'with rise 2 the second pass decides',
      [sick, well, well],
      { fall: 1, rise: 2 },
      [sick, sick, well],
    ],
    [
      'a failure between passes begins anew',
      [sick, well, sick, well, well],
      { fall: 1, rise: 2 },
      [sick, sick, sick, sick, well],
    ],
    ['rise is for the unhealthy alone', [well, sick, well], { rise: 5 }, [well, weak, well]],
    [
      'a check that says degraded has passed',
      [sick, weak, weak],
      { fall: 1, rise: 2 },
      [sick, sick, weak],
    ],
    [
      'loading is neither passed nor failed',
      [sick, busy, sick, busy, sick],
      {},
      [weak, busy, busy, busy, sick],
    ],
    ['what has loaded is there', [busy, busy, well], { rise: 3 }, [busy, busy, well]],
    ['unknown is neither', [sick, sick, mute, sick], {}, [weak, weak, mute, sick]],
  ])('%s', (_, answers, own, verdicts) => {
    expect(story(answers, own)).toEqual(verdicts)
  })

  it('slow is degraded, from just above slowMs on', () => {
    const after = (tookMs: number): Health => observed(well, finding(well, tookMs), 1, settings)
    expect([0, 1_000, 1_001].map(after)).toEqual([well, well, weak])
    expect(observed(sick, finding(sick, 5_000), -3, settings)).toBe(sick)
    expect(observed(busy, finding(busy, 5_000), 0, settings)).toBe(busy)
  })
})
