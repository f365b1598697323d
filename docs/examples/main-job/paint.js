// @ts-check

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }

/** @typedef {keyof typeof codes} Style */
/** @typedef {(style: Style, text: string) => string} Paint */

/** @param {boolean} enabled @returns {Paint} */
export const painter = (enabled) => (style, text) =>
  enabled ? `\x1b[${codes[style]}m${text}\x1b[0m` : text

/** How each kind of entry looks. @type {Record<import('./journal.js').Kind, Style>} */
export const styles = {
  fault: 'cyan',
  opened: 'red',
  'half-opened': 'yellow',
  closed: 'green',
  'failed-over': 'dim',
}

/** @param {number} ms */
export const seconds = (ms) => (ms / 1_000).toFixed(2)

/** @param {number} ratio */
export const percent = (ratio) => `${Math.round(ratio * 100)} %`
