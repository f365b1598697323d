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
  if (create) await makeFolder(disk, folder)
  const realFolder = await ifThere(disk.realpath(folder))
  return join(realFolder ?? folder, basename(wanted))
}

/** One by one: Node's own way to make parents never ends where none can be made, such as below /proc. */
async function makeFolder(disk: Disk, folder: string, hasParent = false): Promise<void> {
  try {
    await disk.mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (await ifThere(disk.realpath(folder))) return
    const parent = dirname(folder)
    if (codeOf(error) !== 'ENOENT' || hasParent || parent === folder) throw error
    await makeFolder(disk, parent)
    await makeFolder(disk, folder, true)
  }
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
