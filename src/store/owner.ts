import { randomUUID } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isObject } from './record.js'

/** Who holds a lock, as it stands in the lock file. */
export interface Owner {
  /** Of this lock; no other has it, not even in the same process. */
  readonly id: string
  readonly pid: number
  readonly host: string
  /** What the process numbers of that host count in: containers have their own. */
  readonly space: string
  /** When the process started, as its system counts; '' where nobody says. */
  readonly started: string
}

export async function newOwner(): Promise<Owner> {
  const { pid } = process
  const { started = '' } = (await processFacts(pid)) ?? {}
  return { id: randomUUID(), pid, host: hostname(), space: await processSpace(), started }
}

export function toOwner(text: string): Owner | undefined {
  try {
    const found: unknown = JSON.parse(text)
    if (!isObject(found)) return undefined
    const { id, pid, host, space, started } = found
    if (typeof id !== 'string' || !/^[\w-]+$/.test(id)) return undefined
    if (typeof pid !== 'number' || typeof host !== 'string') return undefined
    if (typeof space !== 'string' || typeof started !== 'string') return undefined
    return { id, pid, host, space, started }
  } catch {
    return undefined
  }
}

export const ownerText = ({ pid, host }: Owner): string =>
  pid === process.pid && host === hostname()
    ? `another store of this process (${pid})`
    : `process ${pid} on ${host}`

/** `unknown` when only time can tell: its processes cannot be seen from here. */
export async function fateOf(owner: Owner): Promise<'alive' | 'gone' | 'unknown'> {
  if (owner.host !== hostname() || owner.space !== (await processSpace())) return 'unknown'
  if (!isRunning(owner.pid)) return 'gone'
  const facts = await processFacts(owner.pid)
  if (facts === undefined) return 'alive'
  const another = owner.started !== '' && facts.started !== owner.started
  return another || facts.ended ? 'gone' : 'alive'
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' // somebody else's
  }
}

interface ProcessFacts {
  /** In clock ticks since the system started. Numbers of processes are used again, pairs are not. */
  readonly started: string
  /** It was killed, and nobody has asked how it ended. */
  readonly ended: boolean
}

/** Fields 3 and 22 of `/proc/<pid>/stat`; the second, a name, may hold anything. See proc(5). */
async function processFacts(pid: number): Promise<ProcessFacts | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { started: fields[19] ?? '', ended: fields[0] === 'Z' || fields[0] === 'X' }
  } catch {
    return undefined
  }
}

/** The boot and the process name space, on Linux: two containers may share a host name and a volume. */
async function processSpace(): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`
  } catch {
    return ''
  }
}
