// @ts-check
/** A station: what the instruments of a place said in each of the last hours. */
import { serve } from './serve.js'
import { readingAt } from './sky.js'

const [place = 'harbour', seed = '1'] = process.argv.slice(2)

/** @param {unknown} params */
function readings(params) {
  const { until, hours } = /** @type {{ until: number, hours: number }} */ (params)
  return Array.from({ length: hours }, (_, nth) => readingAt(Number(seed), until - hours + 1 + nth))
}

// The general capability says that it is a station, the other one which.
await serve(`station ${place}`, { readings, [`readings.${place}`]: readings }, { place })
