import { usage } from '../failure.js'

const units: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1_000, m: 60_000 }

/** Milliseconds: `500`, `500ms`, `1.5s`, `2m`. Fails with exit code 2 on anything else, and outside of the bounds. */
export function duration(text: string, flag: string, least: number, most: number): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? []
  const ms = Number(number) * (units[unit] ?? 1)
  if (number !== '' && ms >= least && ms <= most) return ms
  throw usage(
    `${flag} is a time such as 500ms or 2s, from ${least} ms to ${most / 1_000} s; got '${text}'`,
  )
}
