// @ts-check
/**
 * What comes in three hours, from the readings of one place: an hour each, the latest last.
 *
 * Pressure: the straight line through the last four readings, by least squares, goes on.
 * Temperature: as it was at that time yesterday, plus what today is warmer than yesterday was.
 * Words: those of the barometric tendency in the Met Office's glossary of the shipping forecast.
 */

export const aheadHours = 3
/** The forecast looks back a day from three hours before now. */
export const neededHours = 24 + aheadHours + 1

/** @typedef {import('./sky.js').Reading} Reading */
/** @typedef {ReturnType<typeof forecast>} Forecast */

/** @param {readonly Reading[]} readings */
export function forecast(readings) {
  const now = readings.at(-1)
  if (now === undefined || readings.length < neededHours)
    throw new Error(`${neededHours} hourly readings are needed, and ${readings.length} were given`)
  const pressures = readings.slice(-aheadHours - 1).map(({ pressureHPa }) => pressureHPa)
  const changeHPa = slope(pressures) * aheadHours
  const latest = readings.slice(-aheadHours).map(({ temperatureC }) => temperatureC)
  const dayBefore = readings.slice(-aheadHours - 24, -24).map(({ temperatureC }) => temperatureC)
  const thatTimeYesterday = readings.at(aheadHours - 25)?.temperatureC ?? now.temperatureC
  return {
    hour: now.hour + aheadHours,
    pressureHPa: round(now.pressureHPa + changeHPa),
    temperatureC: round(thatTimeYesterday + mean(latest) - mean(dayBefore)),
    tendency: tendencyOf(changeHPa),
  }
}

/**
 * Change per step of the straight line that fits best.
 *
 * @param {readonly number[]} values one step apart
 */
function slope(values) {
  const middle = (values.length - 1) / 2
  const spread = values.reduce((sum, _, step) => sum + (step - middle) ** 2, 0)
  return values.reduce((sum, value, step) => sum + (step - middle) * value, 0) / spread
}

/** @param {number} changeHPa within three hours */
export function tendencyOf(changeHPa) {
  const size = Math.abs(round(changeHPa))
  if (size < 0.1) return 'steady'
  const pace = size > 6 ? ' very rapidly' : size > 3.5 ? ' quickly' : size > 1.5 ? '' : ' slowly'
  return `${changeHPa > 0 ? 'rising' : 'falling'}${pace}`
}

/** @param {readonly number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

/** @param {number} number to one decimal */
const round = (number) => Math.round(number * 10) / 10
