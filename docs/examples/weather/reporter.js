// @ts-check
/**
 * A reporter: what each place reads now, and what comes. It knows no address: stations are whoever
 * has readings, and a forecast is made by whoever can.
 */
import { ServiceLocator } from 'switchgear/client'
import { neededHours } from './forecast.js'
import { serve } from './serve.js'

/** @typedef {import('./sky.js').Reading} Reading */
/** @typedef {import('./forecast.js').Forecast & { by: string }} Forecast */
/** @typedef {{ place: string, now: Reading, forecast: Forecast }} PlaceReport */

const locator = new ServiceLocator()
const registry = await serve('reporter', {
  async report(params) {
    const { hour } = /** @type {{ hour: number }} */ (params)
    const stations = await registry.discoverAgents({ capabilities: ['readings'] })
    const places = stations.map(({ metadata }) => String(metadata.place)).sort()
    return Promise.all(places.map((place) => reportOf(place, hour)))
  },
})

/**
 * @param {string} place
 * @param {number} hour
 * @returns {Promise<PlaceReport>}
 */
async function reportOf(place, hour) {
  const readings = /** @type {Reading[]} */ (
    await locator.invoke(`readings.${place}`, { until: hour, hours: neededHours })
  )
  // To ask twice does no harm, so another forecaster may be asked whatever became of the first.
  const forecast = /** @type {Forecast} */ (
    await locator.invoke('forecast', { readings }, { idempotent: true })
  )
  const now = readings.at(-1)
  if (now === undefined) throw new Error(`the station of ${place} has no readings`)
  return { place, now, forecast }
}
