// @ts-check
/**
 * A simulation, not a measurement: the weather of one place as slow waves of pressure, a daily wave
 * of temperature, and noise. The same seed and hour always give the same reading.
 */

/** @typedef {{ hour: number, pressureHPa: number, temperatureC: number }} Reading */

/**
 * @param {number} seed one for each place
 * @param {number} hour since the simulation began
 * @returns {Reading}
 */
export function readingAt(seed, hour) {
  const wave = (/** @type {number} */ period, /** @type {number} */ nth) =>
    Math.sin(2 * Math.PI * (hour / period + chance(seed, -nth)))
  // Lows and highs pass within two to four days, and bring their own air.
  const front = 9 * wave(97, 1) + 5 * wave(41, 2)
  const day = -4 * Math.cos((2 * Math.PI * ((hour % 24) - 3)) / 24)
  const noise = (/** @type {number} */ nth) => chance(seed, hour * 2 + nth) - 0.5
  return {
    hour,
    pressureHPa: round(1_013 + front + 0.3 * noise(0)),
    temperatureC: round(9 + day - 0.25 * front + 3 * chance(seed, -3) + 0.4 * noise(1)),
  }
}

/**
 * From 0 to 1, by the seed and a number: one step of the generator mulberry32, by Tommy Ettinger.
 *
 * @param {number} seed
 * @param {number} number
 */
function chance(seed, number) {
  let mixed = (Math.imul(seed, 0x9e37_79b1) + Math.imul(number + 0x6d2b, 0x6d2b_79f5)) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

/** @param {number} number to one decimal */
const round = (number) => Math.round(number * 10) / 10
