import { usage } from './failure.js'
import { type Flags, type Input, seeHelp } from './flags.js'
import type { ExitCode, Shell } from './shell.js'

export interface Command {
  readonly name: string
  /** What may stand after the name, such as `NAME`. */
  readonly operands: string
  readonly about: string
  readonly flags: Flags
  run(shell: Shell, input: Input): Promise<ExitCode>
}

/** Understood by every command. */
export const everywhere: Flags = {
  verbose: { about: 'on failure, say where in the program it happened' },
  help: { short: 'h', about: 'say this' },
}

export const storeFlag: Flags = {
  store: {
    value: 'PATH',
    about: "the registry's file, instead of REGISTRY_STORE",
  },
}

export const jsonFlag: Flags = { json: { about: 'write JSON' } }

/** The operands, when there are at least and at most so many. */
export function operands(
  { positionals }: Input,
  { name, operands: expected }: Command,
  least: number,
  most: number,
): readonly string[] {
  if (positionals.length < least)
    throw usage(
      `${name} needs ${expected}, as in: switchgear ${name} ${expected}; ${seeHelp(name)}`,
    )
  if (positionals.length > most)
    throw usage(`${name} does not know what to do with '${positionals[most]}'; ${seeHelp(name)}`)
  return positionals
}
