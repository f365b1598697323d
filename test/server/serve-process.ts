import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { vi } from 'vitest'
import { root } from '../house/sources.js'

/** Of `switchgear serve`, built from what is in `src` now. */
export interface Build {
  readonly folder: string
  remove(): void
}

/** Inside the project, so that it finds its packages, and ignored by git. */
export async function build(name: string): Promise<Build> {
  const folder = join(root, `reports/${name}-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  // Whether types are right is for others to say.
  const quick = ['--noCheck', '--declaration', 'false', '--isolatedDeclarations', 'false']
  const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', join(folder, 'dist'), ...quick]
  await promisify(execFile)(process.execPath, args, { cwd: root })
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A process of it, which a test may kill. */
export interface Serving {
  readonly said: { out: string; err: string }
  /** `undefined` while it runs; a signal's name when that ended it. */
  ended(): number | string | undefined
  /** Waits for its end, which somebody else brings about. */
  readonly end: Promise<number | string>
  kill(signal: 'SIGKILL' | 'SIGTERM'): void
}

export function serve(
  { folder }: Build,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Serving {
  const { PATH = '' } = process.env // nothing else: no setting of a developer reaches it
  const child: ChildProcess = spawn(
    process.execPath,
    [join(folder, 'dist/cli/main.js'), 'serve', ...args],
    { cwd: folder, env: { PATH, HOME: folder, ...environment } },
  )
  const said = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  const ended = (): number | string | undefined => child.exitCode ?? child.signalCode ?? undefined
  const end = once(child, 'close').then(() => ended() ?? 'unknown')
  return { said, ended, end, kill: (signal) => void child.kill(signal) }
}

/** Where it listens, once it does. */
export async function listening({ said, ended }: Serving) {
  await vi.waitFor(
    () => {
      if (ended() !== undefined) throw new Error(`It has ended: ${said.err}`)
      if (!/Store {2,}\S/.test(said.out)) throw new Error(`It does not listen yet: ${said.err}`)
    },
    { timeout: 20_000, interval: 10 },
  )
  const rest = /http:\/\/127\.0\.0\.1:\d+/.exec(said.out)?.[0] ?? ''
  const grpc = /grpc:\/\/(127\.0\.0\.1:\d+)/.exec(said.out)?.[1] ?? ''
  return { rest, grpc }
}
