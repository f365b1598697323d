import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { root } from '../house/sources.js'
import { expectGone, needsBuild } from './main-job.js'

const folder = join(root, 'docs/examples/weather')
/** Several processes start, on a machine that may have much else to do. */
const limitMs = 90_000

interface Reading {
  readonly hour: number
  readonly pressureHPa: number
  readonly temperatureC: number
}
interface Sky {
  readingAt(seed: number, hour: number): Reading
}
interface Forecasting {
  forecast(readings: readonly Reading[]): Reading & { readonly tendency: string }
  tendencyOf(changeHPa: number): string
}
const load = (file: string): Promise<unknown> => import(pathToFileURL(join(folder, file)).href)
const { readingAt } = (await load('sky.js')) as Sky
const { forecast, tendencyOf } = (await load('forecast.js')) as Forecasting

const seeds: Readonly<Record<string, number>> = { harbour: 7, hill: 3 }
const air = ({ temperatureC, pressureHPa }: Reading): string =>
  `${temperatureC.toFixed(1)} °C, ${pressureHPa.toFixed(1)} hPa`

/** `place now, pressure tendency; in 3 hours then (by)` of each line of a report. */
const linesOf = (text: string): RegExpMatchArray[] => [
  ...text.matchAll(/^ {2}(\w+) +(.*), pressure ([a-z ]+); in 3 hours (.*) \((.*)\)$/gm),
]

describe('the example of a weather system', () => {
  it('reports to the end when a forecaster in use is killed', {
    timeout: limitMs,
  }, async (context) => {
    needsBuild(context)
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'main.js')])
    const [before = '', after = ''] = stdout.split(/^\*\*\* .*$/m)
    const [, killed = ''] = /^\*\*\* (\S+) was killed$/m.exec(stdout) ?? []
    expect(linesOf(before).map(([, place]) => place)).toEqual(
      Array(6).fill(['harbour', 'hill']).flat(),
    )
    expect(linesOf(before).map(([, , , , , by]) => by)).toContain(killed)
    expect(linesOf(after).map(([, place]) => place)).toEqual(
      Array(6).fill(['harbour', 'hill']).flat(),
    )
    const other = killed === 'forecaster-a' ? 'forecaster-b' : 'forecaster-a'
    expect(new Set(linesOf(after).map(([, , , , , by]) => by))).toEqual(new Set([other]))
    await expectGone(stdout.match(/http:\/\/127\.0\.0\.1:\d+/g) ?? [])

    // What went over the network is what the stations have, and what follows from it.
    for (const [index, [, place = '', now, tendency, then]] of linesOf(stdout).entries()) {
      const hour = 48 + 3 * Math.floor(index / 2)
      const readings = Array.from({ length: 28 }, (_, nth) =>
        readingAt(seeds[place] ?? 0, hour - 27 + nth),
      )
      expect(now).toBe(air(readingAt(seeds[place] ?? 0, hour)))
      const expected = forecast(readings)
      expect([then, tendency]).toEqual([air(expected), expected.tendency])
    }
  })

  it('forecasts pressure along the line of the last hours, and temperature as a day before', () => {
    const falling = Array.from({ length: 28 }, (_, hour) => ({
      hour,
      pressureHPa: 1_020 - hour,
      temperatureC: hour < 24 ? hour : hour - 24 + 5, // five degrees warmer than the day before
    }))
    expect(forecast(falling)).toEqual({
      hour: 30,
      pressureHPa: 990,
      temperatureC: 11,
      tendency: 'falling',
    })
    expect(() => forecast(falling.slice(1))).toThrow('28 hourly readings are needed, and 27 were')
  })

  it.each([
    [0.04, 'steady'],
    [0.1, 'rising slowly'],
    [-1.5, 'falling slowly'],
    [1.6, 'rising'],
    [-3.5, 'falling'],
    [3.6, 'rising quickly'],
    [-6, 'falling quickly'],
    [6.1, 'rising very rapidly'],
  ])('a change of %d hPa within three hours is %s', (changeHPa, words) => {
    expect(tendencyOf(changeHPa)).toBe(words)
  })

  it('forecasts a simulated sky better than saying that it stays as it is', () => {
    let made = 0
    let asNow = 0
    for (let hour = 28; hour < 28 + 24 * 30; hour += 1) {
      const readings = Array.from({ length: 28 }, (_, nth) => readingAt(7, hour - 27 + nth))
      const came = readingAt(7, hour + 3)
      made += Math.abs(forecast(readings).pressureHPa - came.pressureHPa)
      asNow += Math.abs(readingAt(7, hour).pressureHPa - came.pressureHPa)
    }
    expect(made).toBeLessThan(asNow / 2)
  })
})
