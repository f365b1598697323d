// @ts-check
/**
 * A weather system of three services in six processes: two stations, two forecasters, a reporter,
 * and the registry by which they find each other. In the middle the forecaster that is in use is
 * killed. Run it: npm run build && node docs/examples/weather/main.js
 */
import { ServiceLocator } from 'switchgear/client'
import { Programs } from '../programs.js'
import { aheadHours } from './forecast.js'

/** @typedef {import('./reporter.js').PlaceReport} PlaceReport */

const reports = 12
const programs = new Programs()
/** @type {(at: { temperatureC: number, pressureHPa: number }) => string} */
const air = ({ temperatureC, pressureHPa }) =>
  `${temperatureC.toFixed(1)} °C, ${pressureHPa.toFixed(1)} hPa`
/** @type {{ made: number, asNow: number }[]} how far off each forecast of a temperature was */
const errors = []
try {
  const registryUrl = await programs.startRegistry()
  /** @type {(name: string, file: string, ...args: string[]) => Promise<string>} */
  const start = (name, file, ...args) =>
    programs.start(name, new URL(file, import.meta.url), {
      args,
      env: { REGISTRY_URL: registryUrl },
      ready: /^can /,
    })
  await Promise.all([
    start('harbour', 'station.js', 'harbour', '7'),
    start('hill', 'station.js', 'hill', '3'),
    start('forecaster-a', 'forecaster.js', 'forecaster-a'),
    start('forecaster-b', 'forecaster.js', 'forecaster-b'),
    start('reporter', 'reporter.js'),
  ])
  await run(new ServiceLocator({ registryUrl }))
} finally {
  await programs.end()
}

/** @param {ServiceLocator} locator */
async function run(locator) {
  /** @type {PlaceReport[]} */
  let before = []
  let killed = ''
  for (let nth = 0; nth < reports; nth += 1) {
    const hour = 48 + nth * aheadHours
    const places = /** @type {PlaceReport[]} */ (await locator.invoke('report', { hour }))
    show(hour, places)
    judge(before, places)
    before = places
    if (nth + 1 !== reports / 2) continue
    killed = places[0]?.forecast.by ?? ''
    await programs.kill(killed)
    console.log(`\n*** ${killed} was killed`)
  }
  const mean = (/** @type {'made' | 'asNow'} */ key) =>
    (errors.reduce((sum, error) => sum + error[key], 0) / errors.length).toFixed(1)
  console.log(`\nAll ${reports} reports were made, though ${killed} was killed after half of them.`)
  console.log(`Temperature ${aheadHours} hours ahead was off by ${mean('made')} °C on average;`)
  console.log(`who says it will stay as it is would have been off by ${mean('asNow')} °C.`)
}

/**
 * @param {number} hour
 * @param {readonly PlaceReport[]} places
 */
function show(hour, places) {
  console.log(`\nDay ${Math.floor(hour / 24)}, ${String(hour % 24).padStart(2, '0')}:00`)
  for (const { place, now, forecast } of places)
    console.log(
      `  ${place.padEnd(8)} ${air(now)}, pressure ${forecast.tendency}; ` +
        `in ${aheadHours} hours ${air(forecast)} (${forecast.by})`,
    )
}

/**
 * Compares what was forecast with what came.
 *
 * @param {readonly PlaceReport[]} before
 * @param {readonly PlaceReport[]} places
 */
function judge(before, places) {
  for (const { place, now, forecast } of before) {
    const came = places.find((report) => report.place === place)?.now.temperatureC
    if (came === undefined) continue
    errors.push({
      made: Math.abs(forecast.temperatureC - came),
      asNow: Math.abs(now.temperatureC - came),
    })
  }
}
