import { parseArgs } from 'node:util'
import { closest } from '../model/did-you-mean.js'
import { usage } from './failure.js'

export interface Flag {
  /** What its value is called, such as `PATH`; left out for one without a value. */
  readonly value?: string
  readonly short?: string
  readonly about: string
}

export type Flags = Readonly<Record<string, Flag>>

/** What was given on the command line, checked. */
export interface Input {
  readonly positionals: readonly string[]
  has(flag: string): boolean
  /** The last, if it is given more than once. */
  text(flag: string): string | undefined
  /** Every one, in order. */
  all(flag: string): readonly string[]
}

/** Fails with exit code 2 on a flag that is not there, lacks its value, or has one too many. */
export function readFlags(args: readonly string[], flags: Flags, command: string): Input {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      Object.entries(flags).map(([name, { value, short }]) => [
        name,
        {
          type: value === undefined ? ('boolean' as const) : ('string' as const),
          ...(short !== undefined && { short }),
        },
      ]),
    ),
  })
  const given = new Map<string, (string | true)[]>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined
    if (flag === undefined) throw unknownFlag(token.rawName, flags, command)
    const values = given.get(token.name) ?? []
    given.set(token.name, [...values, readValue(token, flag, command)])
  }
  const all = (flag: string): readonly string[] =>
    (given.get(flag) ?? []).filter((value) => value !== true)
  return {
    positionals,
    has: (flag) => given.has(flag),
    text: (flag) => all(flag).at(-1),
    all,
  }
}

function readValue(
  token: {
    readonly rawName: string
    readonly value?: string | undefined
    readonly inlineValue?: boolean | undefined
  },
  { value: name }: Flag,
  command: string,
): string | true {
  const { rawName, value, inlineValue } = token
  if (name === undefined) {
    if (value === undefined) return true
    throw usage(`${rawName} takes no value, and got '${value}'; ${seeHelp(command)}`)
  }
  const isFlag = inlineValue === false && /^-./.test(value ?? '')
  if (value === undefined || value === '' || isFlag)
    throw usage(`${rawName} needs a value: ${rawName} ${name}; ${seeHelp(command)}`)
  return value
}

function unknownFlag(rawName: string, flags: Flags, command: string): Error {
  const near = closest(
    rawName,
    Object.keys(flags).map((name) => `--${name}`),
  )
  const meant = near === undefined ? '' : `did you mean ${near}? `
  return usage(`${command} has no flag ${rawName}; ${meant}${seeHelp(command)}`)
}

export const seeHelp = (command: string): string => `see switchgear ${command} --help`
