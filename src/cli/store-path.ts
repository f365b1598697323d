import { posix, win32 } from 'node:path'
import { fileURLToPath } from 'node:url'
import { usage } from './failure.js'
import type { Input } from './flags.js'
import type { Shell } from './shell.js'

type Surroundings = Pick<Shell, 'env' | 'platform' | 'home' | 'folder'>

/** The file a command works on: `--store`, else `REGISTRY_STORE`, else the one in the data directory. */
export function storePath(input: Pick<Input, 'text'>, shell: Surroundings): string {
  const given = input.text('store')
  if (given !== undefined) return toPath(given, '--store', shell)
  const { REGISTRY_STORE: fromEnv } = shell.env
  if (fromEnv !== undefined && fromEnv !== '') return toPath(fromEnv, 'REGISTRY_STORE', shell)
  return pathsOf(shell).join(dataFolder(shell), 'switchgear', 'registry.json')
}

function toPath(text: string, from: string, shell: Surroundings): string {
  if (text === 'memory' || /^rediss?:/i.test(text))
    throw usage(
      `${from} is '${text}', and this command works on a file; give --store PATH for the one to use`,
    )
  if (/^file:\/\//i.test(text)) {
    try {
      return fileURLToPath(text)
    } catch {
      throw usage(`${from} is '${text}', which names no local file; expected file:PATH`)
    }
  }
  const path = text.replace(/^file:/i, '')
  if (path === '') throw usage(`${from} is '${text}', without a path; expected file:PATH`)
  return pathsOf(shell).resolve(shell.folder, path)
}

const pathsOf = ({ platform }: Surroundings): typeof posix => (platform === 'win32' ? win32 : posix)

/** Where the platform wants programs to keep what they remember. */
function dataFolder(shell: Surroundings): string {
  const { env, platform, home } = shell
  const { join, isAbsolute } = pathsOf(shell)
  if (platform === 'win32') return env.LOCALAPPDATA || join(home, 'AppData', 'Local')
  if (platform === 'darwin') return join(home, 'Library', 'Application Support')
  const { XDG_DATA_HOME: chosen = '' } = env
  return isAbsolute(chosen) ? chosen : join(home, '.local', 'share') // relative ones count as unset
}
