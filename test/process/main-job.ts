import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, type TestContext } from 'vitest'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'

const folder = join(root, 'docs/examples/main-job')

export function needsBuild(context: TestContext): void {
  needs(context, existsSync(join(root, 'dist/index.js')), 'dist/; run `npm run build`')
}

/** A program of the main job, run without a terminal. It is killed when the test is over. */
export class Program {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  readonly #closed: Promise<unknown>
  #heard: (() => void)[] = []

  constructor(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [join(folder, file), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#closed = once(this.child, 'close')
    this.child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.stdout += text
      this.#hear()
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.stderr += text
      this.#hear()
    })
    this.#closed.then(() => this.#hear())
    onTestFinished(() => {
      this.child.kill('SIGKILL')
    })
  }

  /** Its exit code, once all that it wrote has arrived. */
  async end(): Promise<number | null> {
    await this.#closed
    return this.child.exitCode
  }

  /** Waits until it has written this. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stdout) ?? pattern.exec(this.stderr)
      if (found !== null) return found
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`it ended without saying ${pattern}:\n${this.stdout}${this.stderr}`)
      await new Promise<void>((resolve) => {
        this.#heard.push(resolve)
      })
    }
  }

  /** The example servers it said it started. */
  get servers(): string[] {
    return [...this.stdout.matchAll(/http:\/\/127\.0\.0\.1:\d+\/v1/g)].map(([url]) => url)
  }

  #hear(): void {
    for (const resolve of this.#heard.splice(0)) resolve()
  }
}

export async function expectGone(urls: readonly string[]): Promise<void> {
  for (const url of urls)
    await expect
      .poll(
        () =>
          fetch(`${url}/models`).then(
            () => 'answers',
            () => 'gone',
          ),
        { timeout: 10_000 },
      )
      .toBe('gone')
}
