import { isoTime } from '../core/clock.js'
import { type Disk, ifThere, syncDirectory } from './disk.js'

/**
 * Gives a damaged file another name, `<path>.corrupt-<time>`, and says which. Never takes a name that
 * is in use. The caller has the lock, so nobody else is about to.
 */
export async function keepAside(disk: Disk, path: string, now: number): Promise<string> {
  const name = `${path}.corrupt-${isoTime(now).replaceAll(':', '-')}`
  let free = name
  for (let turn = 1; await isTaken(disk, free); turn++) free = `${name}-${turn}`
  await disk.rename(path, free)
  await syncDirectory(disk, path)
  return free
}

const isTaken = async (disk: Disk, path: string): Promise<boolean> =>
  (await ifThere(disk.lstat(path))) !== undefined
