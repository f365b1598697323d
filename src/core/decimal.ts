const pattern = /^(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,4}))?$/
/** A price has a few digits; nobody needs longer ones. */
const longest = 64

/**
 * `value` times ten to `powerOfTen`, as the double nearest to that decimal: 0.00000015 and 3 give
 * 0.00015, where a multiplication gives 0.00014999999999999999. `undefined` for what is no finite decimal of 0 or
 * more, such as `"-1"`, which price lists use for "it depends".
 */
export function scaled(value: number | string, powerOfTen: number): number | undefined {
  const text = String(value).trim()
  if (text.length > longest) return undefined
  const [, digits, exponent = '0'] = pattern.exec(text) ?? []
  if (digits === undefined) return undefined
  const result = Number(`${digits}e${Number(exponent) + powerOfTen}`)
  return Number.isFinite(result) ? result : undefined
}
