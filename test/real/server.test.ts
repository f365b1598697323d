import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { root } from '../house/sources.js'
import { answers, freePort, type Start, startServer } from './server.js'

/** A program of one line. `at` is its port, `folder` its working directory. */
const program = (code: string): Pick<Start, 'command' | 'args'> => ({
  command: process.execPath,
  args: (port) => ['-e', `const at = ${port}, folder = process.cwd();${code}`],
})

const listening = `require('node:http')
  .createServer((_, res) => res.end(JSON.stringify([folder, process.pid, process.env])))
  .listen(at, '127.0.0.1')`

/** Whether anybody listens on this port of loopback. */
async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Whether it is still this process that answers: others may have got its port. */
async function isServing(url: string, pid: number): Promise<boolean> {
  try {
    const said: unknown = await (await fetch(url)).json()
    return Array.isArray(said) && said[1] === pid
  } catch {
    return false
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('startServer', () => {
  it('gives a program an empty home, and leaves nothing of it behind', async () => {
    process.env.SOME_API_KEY = 'a secret of the developer'
    onTestFinished(() => {
      delete process.env.SOME_API_KEY
    })
    const server = await startServer({
      name: 'a program',
      ...program(listening),
      env: (port) => ({ PORT: String(port) }),
      isReady: answers('/'),
    })
    const said: unknown = await (await fetch(server.url)).json()
    expect(said).toEqual([
      expect.stringContaining('switchgear-real-'),
      expect.any(Number),
      expect.objectContaining({ PORT: String(server.port) }),
    ])
    const [folder, pid, env] = said as [string, number, Record<string, string>]
    expect(env.HOME).toBe(folder)
    expect(env.SOME_API_KEY).toBeUndefined()
    expect(existsSync(folder)).toBe(true)

    await server.stop()
    await server.stop()
    expect(isAlive(pid)).toBe(false)
    expect(existsSync(folder)).toBe(false)
    expect(await isServing(server.url, pid)).toBe(false)
  })

  it('ends what the program has started, too, and what does not want to end', async () => {
    const server = await startServer({
      name: 'a parent',
      ...program(`process.on('SIGTERM', () => {})
        require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(
          `process.on('SIGTERM', () => {}); const at = Number(process.argv[1]), folder = ''; ${listening}`,
        )}, String(at)], { stdio: 'inherit' })`),
      isReady: answers('/'),
    })
    const [, pid] = (await (await fetch(server.url)).json()) as [string, number]
    await server.stop()
    await expect.poll(() => isServing(server.url, pid)).toBe(false)
  })

  it('says what a program wrote that ends before it is ready', async () => {
    const start = startServer({
      name: 'the broken one',
      ...program(`console.error('no licence'); process.exitCode = 3`),
      isReady: answers('/'),
    })
    await expect(start).rejects.toThrow(
      /the broken one on port \d+ ended with status 3 before it was ready\. It wrote:\nno licence/,
    )
  })

  it('says what was missing when time is over', async () => {
    const start = startServer({
      name: 'the slow one',
      ...program(`setInterval(() => {}, 1000); console.log('loading')`),
      isReady: answers('/'),
      deadlineMs: 1500,
    })
    await expect(start).rejects.toThrow(
      /the slow one on port \d+ was not ready after 1.5 s: .*ECONNREFUSED[\s\S]*loading/,
    )
  })

  it('says that there is no such program', async () => {
    const start = startServer({
      name: 'nothing',
      command: '/nowhere/nothing',
      args: () => [],
      isReady: answers('/'),
    })
    await expect(start).rejects.toThrow(/ended with status 127[\s\S]*\/nowhere\/nothing ENOENT/)
  })

  it('leaves nothing behind when the test run is killed', async () => {
    const port = await freePort()
    const folder = `/tmp/switchgear-real-killed-${process.pid}`
    const keeper = `${root}/test/real/keeper.mjs`
    const args = [keeper, folder, process.execPath, ...program(listening).args(port, folder)]
    const run = spawn(process.execPath, [
      '-e',
      `require('node:fs').mkdirSync(${JSON.stringify(folder)})
       require('node:child_process').spawn(process.execPath, ${JSON.stringify(args)},
         { detached: true, stdio: ['pipe', 'pipe', 'pipe'] })`,
    ])
    while (!(await isOpen(port))) await delay(50)
    run.kill('SIGKILL')
    while ((await isOpen(port)) || existsSync(folder)) await delay(50)
  })
})
