import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { needs, wants } from '../house/needs.js'
import { root } from '../house/sources.js'

/** What test/real/python has a requirements file for, and `.ci/real-servers` an environment. */
export type PythonProgram =
  | 'gradio-3.34'
  | 'gradio-3.50'
  | 'gradio-4.44'
  | 'gradio-5.29'
  | 'gradio-6.30'
  | 'litellm'

const environments = process.env.SWITCHGEAR_PYTHON || join(homedir(), '.cache/switchgear-python')

/** A file of test/real/python, whole path. */
export const pythonFile = (name: string): string => join(root, 'test/real/python', name)

/** A program in the virtual environment of `name`. */
export const pythonBin = (name: PythonProgram, bin = 'python'): string =>
  join(environments, name, 'bin', bin)

/**
 * Skips a test while this environment is missing, or is not what the requirements file asks for now.
 * In CI it fails instead, unless Python's package index did not answer there: nobody can install it then.
 */
export function needsPython(context: TestContext, ...names: readonly PythonProgram[]): void {
  const missing = names.filter((name) => !isInstalled(name))
  if (existsSync(join(environments, 'unreachable')))
    wants(context, missing.length === 0, `${missing}: Python's package index did not answer`)
  needs(context, missing.length === 0, `${missing} in ${environments}; run .ci/real-servers`)
}

/** The script leaves a copy of the requirements there once all of them are installed. */
function isInstalled(name: PythonProgram): boolean {
  const installed = join(environments, name, 'requirements.txt')
  return (
    existsSync(installed) &&
    readFileSync(installed, 'utf8') === readFileSync(pythonFile(`${name}.txt`), 'utf8')
  )
}
