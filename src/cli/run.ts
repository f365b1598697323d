import { readFile } from 'node:fs/promises'
import { InvalidRequestError, isSwitchgearError, oneLine, StoreInUseError } from '../core/errors.js'
import { closest } from '../model/did-you-mean.js'
import { cleanLines } from './clean.js'
import { everywhere } from './command.js'
import { commands } from './commands.js'
import { Failure, usage } from './failure.js'
import { readFlags } from './flags.js'
import { helpOf, overview } from './help.js'
import type { ExitCode, Shell } from './shell.js'

/** Does what the arguments say. Never rejects: what goes wrong is one message and an exit code. */
export async function run(args: readonly string[], shell: Shell): Promise<ExitCode> {
  try {
    return await dispatch(args, shell)
  } catch (error) {
    const { env } = shell
    const verbose = args.includes('--verbose') || (env.DEBUG ?? '') !== ''
    shell.err(`switchgear: ${cleanLines(messageOf(error))}\n`)
    if (verbose && error instanceof Error) shell.err(`${cleanLines(traceOf(error))}\n`)
    return exitOf(error)
  }
}

async function dispatch(args: readonly string[], shell: Shell): Promise<ExitCode> {
  const [first, ...rest] = args
  if (first === undefined) {
    shell.err(overview())
    return 2
  }
  if (first === '--version' || first === '-V') {
    shell.out(`${await version()}\n`)
    return 0
  }
  const wantsHelp = first === 'help' || first === '--help' || first === '-h'
  const name = wantsHelp ? rest[0] : first
  if (name === undefined) {
    shell.out(overview())
    return 0
  }
  const command = await load(name)
  const input = readFlags(wantsHelp ? [] : rest, { ...command.flags, ...everywhere }, name)
  if (!wantsHelp && !input.has('help')) return command.run(shell, input)
  shell.out(helpOf(command))
  return 0
}

function load(name: string): ReturnType<NonNullable<ReturnType<typeof commands.get>>['load']> {
  const listed = commands.get(name)
  if (listed !== undefined) return listed.load()
  if (name.startsWith('-')) throw usage(`expected a command before ${name}; see switchgear --help`)
  const near = closest(name, [...commands.keys()])
  const meant = near === undefined ? '' : `did you mean '${near}'? `
  throw usage(`there is no command '${name}'; ${meant}see switchgear --help`)
}

/** Of the package this file is part of, built or not. */
async function version(): Promise<string> {
  const manifest: unknown = JSON.parse(
    await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}

function exitOf(error: unknown): ExitCode {
  if (error instanceof Failure) return error.exit
  return error instanceof InvalidRequestError ? 2 : 1
}

/** Ours are written for people; others are at least said to be unexpected. */
function messageOf(error: unknown): string {
  if (error instanceof StoreInUseError)
    return `${error.store} is in use by ${error.owner}, and nothing was changed; stop that one first (list, get and export work meanwhile)`
  if (error instanceof Failure || isSwitchgearError(error)) return error.message
  return `unexpected failure: ${oneLine(error)}; --verbose says where`
}

function traceOf(error: Error): string {
  const { cause } = error
  const below = cause instanceof Error ? `\nCaused by: ${traceOf(cause)}` : ''
  return `${error.stack ?? error.message}${below}`
}
