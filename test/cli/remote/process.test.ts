import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { becomes } from '../../client/double.js'
import { needs } from '../../house/needs.js'
import { root } from '../../house/sources.js'
import { serving } from './serving.js'

const program = join(root, 'dist/cli/main.js')

/** The built command, as a process of its own. */
function start(url: string, args: readonly string[], cwd = tmpdir()) {
  const { REGISTRY_STORE: _, REGISTRY_TOKEN: __, DEBUG: ___, ...env } = process.env
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...env, REGISTRY_URL: url },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  const closed = once(child, 'close').then(() => ({ exit: child.exitCode, ...said }))
  return { child, said, closed }
}

describe('the built command, over a server', () => {
  beforeEach((context) => {
    needs(context, existsSync(program), 'dist/cli is not built: npm run build')
  })

  it('registers and lists with a token from a file, and ends', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'switchgear-remote-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'token'), 'operator\n')
    const { urls } = await serving({ token: 'operator' })
    const token = ['--token-file', 'token']
    const registered = await start(urls.rest, ['register', 'a', ...token], folder).closed
    expect(registered).toMatchObject({ exit: 0, out: expect.stringMatching(/^Registered a at /) })
    const listed = await start(urls.rest, ['list', ...token], folder).closed
    expect(listed).toMatchObject({ exit: 0, err: '', out: expect.stringMatching(/\na +a +1\.0/) })
    const refused = await start(urls.rest, ['list'], folder).closed
    expect(refused).toMatchObject({ exit: 1, out: '' })
    expect(refused.err).toMatch(/^switchgear: http\S+ asks for a token; [^\n]+\n$/)
  })

  it('keeps and watches until it is interrupted, and ends with 0', async () => {
    const server = await serving({ grpc: { port: 0 } })
    const watches = [server.urls.rest, server.urls.grpc ?? ''].map((url) =>
      start(url, ['watch', '--json']),
    )
    const watchers = async (text: string) => {
      for (const { said } of watches) await becomes(() => (said.out + said.err).includes(text))
    }
    await watchers('Watching 0 registrations')
    const keep = start(server.urls.rest, ['register', 'a', '--keep'])
    await watchers('"event":"added"')
    await becomes(() => keep.said.err.includes('Ctrl-C'))
    keep.child.kill('SIGINT')
    expect(await keep.closed).toMatchObject({ exit: 0 })
    expect(server.operations.get('a')).toBeUndefined()
    await watchers('"event":"removed"')
    for (const { child } of watches) child.kill('SIGTERM')
    for (const { closed } of watches) expect(await closed).toMatchObject({ exit: 0 })
  })
})
