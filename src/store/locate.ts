import { basename, dirname, join, resolve } from 'node:path'
import { codeOf, type Disk, ifThere } from './disk.js'

/** As many as Linux follows. */
const mostLinks = 40

/**
 * Where a file is, or would be, whatever links lead to it: two ways to one file must come to one
 * lock. With `create`, its directory is made.
 */
export async function locate(disk: Disk, path: string, create: boolean): Promise<string> {
  let wanted = resolve(path)
  for (let links = 0; links < mostLinks; links++) {
    const real = await ifThere(disk.realpath(wanted))
    if (real !== undefined) return real
    const target = await linkTarget(disk, wanted)
    if (target === undefined) break
    wanted = resolve(dirname(wanted), target)
  }
  const folder = dirname(wanted)
  if (create) await disk.mkdir(folder, { recursive: true, mode: 0o700 })
  const realFolder = await ifThere(disk.realpath(folder))
  return join(realFolder ?? folder, basename(wanted))
}

/** Of a link that leads nowhere yet. */
async function linkTarget(disk: Disk, path: string): Promise<string | undefined> {
  try {
    return await disk.readlink(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EINVAL') return undefined
    throw error
  }
}
