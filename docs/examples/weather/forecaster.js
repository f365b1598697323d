// @ts-check
/** A forecaster: makes a forecast of readings. It remembers nothing, so one is as good as another. */
import { forecast } from './forecast.js'
import { serve } from './serve.js'

const [name = 'forecaster'] = process.argv.slice(2)

await serve(name, {
  forecast(params) {
    const { readings } = /** @type {{ readings: import('./sky.js').Reading[] }} */ (params)
    return { ...forecast(readings), by: name }
  },
})
