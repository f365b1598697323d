import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Circuit, type Permit, type Transition, type Verdict } from '../../src/guard/circuit.js'
import { circuitSettings } from '../../src/model/parse/circuit.js'
import type { CircuitSettings, CircuitState } from '../../src/model/provider.js'

/*
 * The circuit against a second one, written from rules 3.1 to 3.9 in the plainest way: time passes
 * step by step and each thing happens when it is due, where the real one works out at the next call
 * what should have happened. Both see the same random history.
 */

interface Probe {
  readonly generation: number
  until: number
  begun: boolean
}

class Model {
  readonly settings: CircuitSettings
  now = 0
  wall = 1_700_000_000_000
  state: CircuitState = 'closed'
  generation = 0
  streak = 0
  window: boolean[] = []
  openings = 0
  openedAt = 0
  retryAt = 0
  successes = 0
  probes: Probe[] = []
  /** What has been told, by the latest at the next change. */
  told: { to: CircuitState; at: number }[] = []

  constructor(settings: CircuitSettings) {
    this.settings = settings
  }

  get lastTold(): CircuitState {
    return this.told.at(-1)?.to ?? 'closed'
  }

  advance(ms: number): void {
    const until = this.now + ms
    for (let due = this.nextDue(); due <= until; due = this.nextDue()) {
      this.now = Math.max(this.now, due)
      this.happen()
    }
    this.now = until
  }

  nextDue(): number {
    if (this.state === 'open') return this.retryAt
    if (this.state === 'half-open') return Math.min(...this.probes.map(({ until }) => until))
    return Number.POSITIVE_INFINITY
  }

  /** Everything that is due by now. */
  happen(): void {
    if (this.state === 'open' && this.now >= this.retryAt) this.halfOpen()
    else if (this.state === 'half-open') {
      const hung = this.probes.some(({ begun, until }) => begun && until <= this.now)
      if (hung) this.open(this.restMs())
      else this.probes = this.probes.filter(({ until }) => until > this.now)
    }
  }

  restMs(): number {
    const { recoveryTimeoutMs, backoff } = this.settings
    if (backoff === undefined) return recoveryTimeoutMs
    return Math.min(backoff.maxMs, recoveryTimeoutMs * backoff.factor ** this.openings)
  }

  open(restMs: number): void {
    this.openings += 1
    this.generation += 1
    this.state = 'open'
    this.probes = []
    this.openedAt = this.now
    this.retryAt = this.now + restMs
    this.tell('open')
    this.happen()
  }

  halfOpen(): void {
    this.generation += 1
    this.state = 'half-open'
    this.successes = 0
    this.probes = []
  }

  close(): void {
    this.openings = 0
    this.generation += 1
    this.state = 'closed'
    this.probes = []
    this.streak = 0
    this.window = []
    this.tell('closed')
  }

  tell(to: CircuitState): void {
    if (this.lastTold !== to) this.told.push({ to, at: this.now })
  }

  admits(): boolean {
    if (this.state !== 'half-open') return this.state === 'closed'
    return this.probes.length < this.settings.halfOpenPermits
  }

  enter(): Probe | undefined {
    if (!this.admits()) return undefined
    if (this.state === 'closed')
      return { generation: this.generation, until: Number.POSITIVE_INFINITY, begun: true }
    this.tell('half-open')
    const probe: Probe = { generation: this.generation, until: this.now + 1_000, begun: false }
    this.probes.push(probe)
    return probe
  }

  begin(probe: Probe): boolean {
    if (this.state === 'closed') return probe.generation === this.generation
    if (!this.probes.includes(probe)) return false
    probe.begun = true
    probe.until = this.now + this.settings.probeLeaseMs
    return true
  }

  settle(probe: Probe, verdict: Verdict): void {
    if (probe.generation !== this.generation) return
    this.probes = this.probes.filter((one) => one !== probe)
    this.count(verdict)
  }

  record(verdict: Verdict): void {
    if (this.state === 'open') return
    if (this.state === 'half-open') this.tell('half-open')
    this.count(verdict)
  }

  count(verdict: Verdict): void {
    if (verdict === 'neutral' || this.state === 'open') return
    if (this.state === 'half-open') {
      this.successes += verdict === 'success' ? 1 : 0
      if (verdict === 'failure') this.open(this.restMs())
      else if (this.successes >= this.settings.successThreshold) this.close()
      return
    }
    this.streak = verdict === 'success' ? 0 : this.streak + 1
    this.window = [...this.window, verdict === 'failure'].slice(-this.settings.windowSize)
    if (verdict === 'failure' && (this.streakIsLong() || this.ratioIsHigh()))
      this.open(this.restMs())
  }

  streakIsLong(): boolean {
    return this.streak >= this.settings.failureThreshold
  }

  ratioIsHigh(): boolean {
    const { errorRatio, minimumCalls, windowSize } = this.settings
    if (errorRatio === undefined) return false
    if (this.window.length < Math.min(minimumCalls, windowSize)) return false
    return this.window.filter(Boolean).length / this.window.length >= errorRatio
  }
}

/** The pair under test. Permits of both are kept side by side. */
interface Real {
  circuit: Circuit
  transitions: Transition[]
  permits: { readonly real: Permit; readonly model: Probe }[]
}

type Step = fc.Command<Model, Real>

abstract class Command implements Step {
  check(_: Readonly<Model>): boolean {
    return true
  }

  abstract act(model: Model, real: Real): void

  run(model: Model, real: Real): void {
    this.act(model, real)
    agree(model, real)
  }

  abstract toString(): string
}

/** Whatever can be read says the same, twice. */
function agree(model: Model, { circuit, transitions }: Real): void {
  const { now } = model
  for (let turn = 0; turn < 2; turn++) {
    expect(circuit.stateAt(now)).toBe(model.state)
    expect(circuit.admits(now)).toBe(model.admits())
    expect(circuit.calm).toBe(circuit.stateAt(now) === 'closed')
    if (model.state === 'closed') expect(circuit.consecutiveFailures).toBe(model.streak)
    if (model.state === 'open')
      expect(circuit.opening(now)).toMatchObject({
        openedAt: model.openedAt,
        retryAt: model.retryAt,
      })
    if (!model.admits()) expect(circuit.admitsAt(now)).toBe(model.nextDue())
    const saved = circuit.save(now, model.wall)
    expect(saved.state).toBe(model.state === 'closed' ? 'closed' : 'open')
    expect(saved.failures).toBe(model.state === 'closed' ? model.streak : 0)
  }
  const seen = transitions.map(({ to, at }) => ({ to, at }))
  // A hung probe is told of at the next change; everything else at once.
  const behind = model.told.length - seen.length
  expect(behind === 0 || (behind === 1 && model.lastTold === 'open')).toBe(true)
  expect(seen).toEqual(model.told.slice(0, seen.length))
  for (const [at, { from }] of transitions.entries())
    expect(from).toBe(at === 0 ? 'closed' : transitions[at - 1]?.to)
}

class Enter extends Command {
  act(model: Model, real: Real): void {
    const mine = model.enter()
    const permit = real.circuit.enter(model.now)
    expect(permit !== undefined).toBe(mine !== undefined)
    if (permit !== undefined && mine !== undefined) real.permits.push({ real: permit, model: mine })
  }

  toString = () => 'enter'
}

/** Of the permits there are, the one at this place, counted from the youngest. */
const nth = <T>(list: readonly T[], at: number): T | undefined =>
  list.length === 0 ? undefined : list[list.length - 1 - (at % list.length)]

class Begin extends Command {
  readonly #at: number

  constructor(at: number) {
    super()
    this.#at = at
  }

  act(model: Model, real: Real): void {
    const permit = nth(real.permits, this.#at)
    if (permit === undefined || (permit.model.begun && permit.model.until < Infinity)) return
    expect(real.circuit.begin(permit.real, model.now)).toBe(model.begin(permit.model))
  }

  toString = () => `begin(${this.#at})`
}

class Settle extends Command {
  readonly #at: number
  readonly #verdict: Verdict

  constructor(at: number, verdict: Verdict) {
    super()
    this.#at = at
    this.#verdict = verdict
  }

  act(model: Model, real: Real): void {
    const permit = nth(real.permits, this.#at)
    if (permit === undefined) return
    real.permits.splice(real.permits.indexOf(permit), 1)
    real.circuit.settle(permit.real, this.#verdict, model.now)
    model.settle(permit.model, this.#verdict)
  }

  toString = () => `settle(${this.#at}, ${this.#verdict})`
}

class Advance extends Command {
  readonly #ms: number

  constructor(ms: number) {
    super()
    this.#ms = ms
  }

  act(model: Model): void {
    model.advance(this.#ms)
    model.wall += this.#ms
  }

  toString = () => `advance(${this.#ms})`
}

/** To the instant at which something is due, or just before it. */
class AdvanceToDue extends Command {
  readonly #shortMs: number

  constructor(shortMs: number) {
    super()
    this.#shortMs = shortMs
  }

  act(model: Model): void {
    const ms = model.nextDue() - model.now - this.#shortMs
    if (ms <= 0 || !Number.isFinite(ms)) return
    model.advance(ms)
    model.wall += ms
  }

  toString = () => `advanceToDue(-${this.#shortMs})`
}

class JumpWall extends Command {
  readonly #ms: number

  constructor(ms: number) {
    super()
    this.#ms = ms
  }

  act(model: Model): void {
    model.wall += this.#ms
  }

  toString = () => `jumpWall(${this.#ms})`
}

class Trip extends Command {
  readonly #ms: number

  constructor(ms: number) {
    super()
    this.#ms = ms
  }

  act(model: Model, { circuit }: Real): void {
    circuit.trip(this.#ms, 'by hand', model.now)
    const isolated = model.state === 'open' && model.retryAt === Number.POSITIVE_INFINITY
    if (isolated) return
    // Half-open by the clock and not told: to whoever listens it was open all along.
    model.open(this.#ms)
  }

  toString = () => `trip(${this.#ms})`
}

class Reset extends Command {
  act(model: Model, { circuit }: Real): void {
    circuit.reset(model.now, 'by hand')
    model.close()
  }

  toString = () => 'reset'
}

class Record extends Command {
  readonly #verdict: 'success' | 'failure'

  constructor(verdict: 'success' | 'failure') {
    super()
    this.#verdict = verdict
  }

  act(model: Model, { circuit }: Real): void {
    circuit.record(this.#verdict, model.now)
    model.record(this.#verdict)
  }

  toString = () => `record(${this.#verdict})`
}

/** Another process takes over, at a wall clock that may have jumped; its own clock starts anew. */
class Restart extends Command {
  readonly #jumpMs: number
  readonly #startMs: number

  constructor(jumpMs: number, startMs: number) {
    super()
    this.#jumpMs = jumpMs
    this.#startMs = startMs
  }

  act(model: Model, real: Real): void {
    const saved = JSON.parse(JSON.stringify(real.circuit.save(model.now, model.wall)))
    const { state, streak, openedAt, retryAt } = model
    const leftMs = retryAt - model.now
    const wholeMs = retryAt - openedAt
    const ageMs = model.now - openedAt
    model.wall += this.#jumpMs
    model.now = this.#startMs
    Object.assign(model, { state: 'closed', streak: 0, window: [], openings: 0, probes: [] })
    model.told = []
    const { circuit, transitions } = newCircuit(model.settings)
    Object.assign(real, { circuit, transitions, permits: [] })
    circuit.restore(saved, model.now, model.wall)
    if (state === 'closed') model.streak = streak
    else if (state === 'half-open') model.open(0)
    else {
      // Until a clock that was set back catches up it waits, but never longer than it would have at all.
      const wait = Math.min(Math.max(0, leftMs - this.#jumpMs), wholeMs)
      const isolated = leftMs === Number.POSITIVE_INFINITY
      model.open(isolated ? leftMs : wait)
      // It opened when it did, not when it was read.
      model.openedAt = model.now - (isolated ? Math.max(0, ageMs + this.#jumpMs) : wholeMs - wait)
    }
  }

  toString = () => `restart(${this.#jumpMs}, ${this.#startMs})`
}

function newCircuit(settings: CircuitSettings): Pick<Real, 'circuit' | 'transitions'> {
  const transitions: Transition[] = []
  const circuit = new Circuit(
    settings,
    () => 0.5,
    (transition) => transitions.push(transition),
  )
  return { circuit, transitions }
}

const settings = fc
  .record({
    failureThreshold: fc.integer({ min: 1, max: 4 }),
    successThreshold: fc.integer({ min: 1, max: 3 }),
    halfOpenPermits: fc.integer({ min: 1, max: 3 }),
    recoveryTimeoutMs: fc.constantFrom(0, 700, 3_000),
    probeLeaseMs: fc.constantFrom(400, 1_000, 5_000),
    ratio: fc.option(
      fc.record({
        errorRatio: fc.constantFrom(0.5, 0.75, 1),
        windowSize: fc.integer({ min: 1, max: 6 }),
        minimumCalls: fc.integer({ min: 1, max: 8 }),
      }),
      { nil: undefined },
    ),
    backoff: fc.option(fc.constant({ factor: 2, maxMs: 10_000, jitter: 0 }), { nil: undefined }),
  })
  .map(({ ratio, ...rest }) => circuitSettings(undefined, { ...rest, ...ratio }))

const place = fc.nat({ max: 5 })
const verdict = fc.constantFrom<Verdict>('success', 'failure', 'failure', 'neutral')
const jump = fc.constantFrom(-1e12, -60_000, -1, 0, 1, 500, 60_000, 1e12)
const commands: fc.Arbitrary<Step>[] = [
  fc.constant(new Enter()),
  place.map((at) => new Begin(at)),
  fc.tuple(place, verdict).map(([at, how]) => new Settle(at, how)),
  fc.constantFrom(0, 1, 399, 700, 999, 1_000, 3_000).map((ms) => new Advance(ms)),
  fc.constantFrom(0, 0, 0.5).map((ms) => new AdvanceToDue(ms)),
  jump.map((ms) => new JumpWall(ms)),
  fc.constantFrom(0, 1, 2_500, Number.POSITIVE_INFINITY).map((ms) => new Trip(ms)),
  fc.constant(new Reset()),
  fc.constantFrom('success' as const, 'failure' as const).map((how) => new Record(how)),
  fc.tuple(jump, fc.constantFrom(0, 1e6)).map(([ms, start]) => new Restart(ms, start)),
]
/** The everyday ones more often than the rest, so that histories get somewhere. */
const step = [
  ...commands,
  ...commands.slice(0, 5),
  ...commands.slice(0, 5),
  ...commands.slice(0, 3),
]

const seed = Number(process.env.CIRCUIT_SEED ?? 20_260_101)
const runs = Number(process.env.CIRCUIT_RUNS ?? 400)

it('agrees with a plain model of rules 3.1 to 3.9 whatever happens to it', () => {
  fc.assert(
    fc.property(
      settings,
      fc.commands(step, { maxCommands: 150, size: 'max' }),
      (given, history) => {
        const start = () => ({
          model: new Model(given),
          real: { ...newCircuit(given), permits: [] } as Real,
        })
        fc.modelRun(start, history)
      },
    ),
    { numRuns: runs, seed },
  )
})
