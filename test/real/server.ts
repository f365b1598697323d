import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { root } from '../house/sources.js'

const keeper = join(root, 'test/real/keeper.mjs')
const host = '127.0.0.1'
const patienceMs = 100_000
const pauseMs = 50
const keptOutput = 4000

/** A program of somebody else that runs beside the tests, on a loopback port of its own. */
export interface RealServer {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string
  /** The end of what it wrote so far, both streams. */
  output(): string
  /** Ends it and all processes it has started. Does nothing the second time. */
  stop(): Promise<void>
}

export interface Start {
  /** As the reader of a failed run shall know it. */
  readonly name: string
  readonly command: string
  /** Its folder is empty, is its home and its working directory, and goes when it ends. */
  readonly args: (port: number, folder: string) => readonly string[]
  /** All it gets besides a path and a home: no key of the developer reaches it. */
  readonly env?: (port: number, folder: string) => Readonly<Record<string, string>>
  /** Asked again and again until it says yes. Whether it throws, says no or hangs for a second is the same. */
  readonly isReady: (at: { readonly url: string; readonly port: number }) => Promise<boolean>
  /** How long that may take. Default 100,000. */
  readonly deadlineMs?: number
}

/** For `isReady`: this path answers with this status. */
export function answers(path: string, status = 200): Start['isReady'] {
  return async ({ url }) => {
    const answer = await fetch(url + path, { signal: AbortSignal.timeout(1000) })
    await answer.body?.cancel()
    return answer.status === status
  }
}

/**
 * Starts a program and waits until it is ready. Its port was free a moment ago;
 * if somebody else was faster, it is started once more on another one.
 * @throws Error with the end of its output, if it ends by itself or is not ready in time.
 */
export async function startServer(start: Start): Promise<RealServer> {
  try {
    return await startOnce(start)
  } catch (error) {
    if (!/in use|EADDRINUSE|empty port/i.test(String(error))) throw error
    return startOnce(start)
  }
}

async function startOnce(start: Start): Promise<RealServer> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'switchgear-real-'))
  const child = spawn(
    process.execPath,
    [keeper, folder, start.command, ...start.args(port, folder)],
    {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: `${process.env.PATH ?? ''}:/usr/sbin`,
        HOME: folder,
        TMPDIR: folder,
        LANG: 'C.UTF-8',
        ...start.env?.(port, folder),
      },
    },
  )
  const server = serverOf(child, port)
  const isReady = () => start.isReady({ url: server.url, port })
  const missing = await waitUntilReady(child, isReady, start.deadlineMs ?? patienceMs)
  if (missing === undefined) return server
  await server.stop()
  throw new Error(`${start.name} on port ${port} ${missing}. It wrote:\n${server.output()}`)
}

function serverOf(child: ChildProcess, port: number): RealServer {
  let output = ''
  const closed = once(child, 'close')
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-keptOutput)
    })
  }
  // A program that has ended by itself no longer listens for its end.
  child.stdin?.on('error', () => {})
  return {
    host,
    port,
    url: `http://${host}:${port}`,
    output: () => output,
    async stop() {
      child.stdin?.end()
      await closed
    },
  }
}

/** What was missing, or nothing. */
async function waitUntilReady(
  child: ChildProcess,
  isReady: () => Promise<boolean>,
  deadlineMs: number,
): Promise<string | undefined> {
  const deadline = AbortSignal.timeout(deadlineMs)
  let last = 'it was not asked yet'
  while (!deadline.aborted) {
    if (child.exitCode !== null) return `ended with status ${child.exitCode} before it was ready`
    try {
      if (await isReady()) return undefined
      last = 'it was asked and said no'
    } catch (error) {
      last = error instanceof Error ? String(error.cause ?? error) : String(error)
    }
    await delay(pauseMs)
  }
  return `was not ready after ${deadlineMs / 1000} s: ${last}`
}

/** A port of loopback that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('No port was given')
  return address.port
}
