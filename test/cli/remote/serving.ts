import { onTestFinished } from 'vitest'
import type { Shell } from '../../../src/cli/shell.js'
import { systemClock } from '../../../src/core/clock.js'
import { createServer, type RegistryServer, type ServerOptions } from '../../../src/server/index.js'
import { type Said, say } from '../terminal.js'

/** A registry that is served for as long as the test takes. */
export async function serving(options: ServerOptions = {}): Promise<RegistryServer> {
  const server = await createServer({ port: 0, ...options })
  onTestFinished(() => server.close())
  return server
}

/** A command that asks this server, in real time. */
export async function ask(
  { urls }: Pick<RegistryServer, 'urls'>,
  args: string | readonly string[],
  shell: Partial<Shell> = {},
): Promise<Said> {
  const words = typeof args === 'string' ? args.split(' ').filter((word) => word !== '') : args
  const env = { REGISTRY_URL: urls.rest, ...shell.env }
  const { exit, out, err } = await say(words, { clock: systemClock, ...shell, env })
  return { exit, out, err }
}

/** The command, while it runs. */
export function running(url: string, args: string, clock = systemClock) {
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const said = { out: '', err: '' }
  const ended = ask({ urls: { rest: url } }, args, {
    clock,
    out(text) {
      said.out += text
    },
    err(text) {
      said.err += text
    },
    interruptible: (work) => work(stop.signal),
  })
  return { said, ended, stop: () => stop.abort() }
}
