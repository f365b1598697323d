import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expectGone, needsBuild, Program } from './main-job.js'

const mainJob = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Program =>
  new Program('main.js', args, env)

interface Summary {
  readonly calls: number
  readonly answered: number
  readonly failures: number
  readonly callsFailedOver: number
  readonly failOvers: Readonly<Record<string, number>>
  readonly streams: Readonly<Record<string, number>>
  readonly addedMs: { readonly firstAttempt: { readonly count: number; readonly p50: number } }
  readonly share: readonly { readonly provider: string; readonly answers: number }[]
  readonly faults: readonly { readonly provider: string; readonly text: string }[]
  readonly transitions: readonly { readonly provider: string; readonly to: string }[]
}

describe('the main job', () => {
  it('answers every call while its servers are killed, broken and overrun', async (context) => {
    needsBuild(context)
    const program = mainJob(['--seconds', '6', '--json'])
    const code = await program.end()
    const summary: Summary = JSON.parse(program.stdout)

    expect(summary).toMatchObject({ failures: 0, unfinished: 0, errors: [], interrupted: false })
    expect(code).toBe(0)
    expect(summary.calls).toBeGreaterThan(20)
    expect(summary.answered).toBe(summary.calls)
    expect(summary.callsFailedOver).toBeGreaterThan(0)
    expect(summary.streams).toMatchObject({ failedBeforeFirstText: 0, unfinished: 0 })

    expect(summary.faults.map(({ provider, text }) => `${provider} ${text}`)).toEqual([
      'alpha killed (SIGKILL)',
      'beta answers 500 to everything',
      'alpha back on the same port',
      'beta well again',
      'beta answers 429, retry after 1 s',
      'beta well again',
    ])
    const moves = summary.transitions.map(({ provider, to }) => `${provider} ${to}`)
    for (const to of ['opened', 'half-opened', 'closed']) expect(moves).toContain(`alpha ${to}`)
    expect(moves).toContain('beta opened')
    expect(summary.failOvers.transient).toBeGreaterThan(0)
    expect(summary.addedMs.firstAttempt.count).toBeGreaterThan(0)
    expect(summary.addedMs.firstAttempt.p50).toBeGreaterThan(0)

    expect(summary.share.map(({ provider }) => provider)).toEqual(['alpha', 'beta', 'gamma'])
    const answers = summary.share.reduce((sum, share) => sum + share.answers, 0)
    expect(answers, 'the registry and the callers count the same').toBe(
      summary.answered + (summary.streams.whole ?? 0),
    )
    for (const line of [/alpha +killed/, /alpha +failed over to \w+/, /alpha +circuit closed/])
      expect(program.stderr).toMatch(line)
    expect(program.stderr).not.toMatch(/Warning/)
  })

  it('ends with the summary so far when interrupted, and takes its servers along', async (context) => {
    needsBuild(context)
    const program = mainJob(['--seconds', '600'])
    await program.says(/calls, 0 failures/)
    program.child.kill('SIGINT')
    expect(await program.end()).toBe(0)
    expect(program.stdout).toMatch(/Summary .*ended early \(of 600 s\)/)
    expect(program.stdout).toMatch(/Failures seen +0 by callers/)
    expect(program.servers).toHaveLength(3)
    await expectGone(program.servers)
  })

  it('is not outlived by its servers when it is killed', async (context) => {
    needsBuild(context)
    const program = mainJob(['--seconds', '600'])
    await program.says(/calls, 0 failures/)
    program.child.kill('SIGKILL')
    await program.end()
    expect(program.servers).toHaveLength(3)
    await expectGone(program.servers)
  })

  it('uses the servers it is given, and fails when all of them do', async (context) => {
    needsBuild(context)
    const keys = new Set<string | undefined>()
    const failing = async (): Promise<string> => {
      const server = createServer((request, response) => {
        keys.add(request.headers.authorization)
        response.writeHead(500, { 'content-type': 'application/json' })
        response.end('{"error":{"message":"down for the day","type":"server_error"}}')
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      onTestFinished(() => {
        server.closeAllConnections()
        server.close()
      })
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
    }
    const urls = [await failing(), await failing()]
    const program = mainJob(['--seconds', '1', ...urls], { OPENAI_API_KEY: 'sk-of-the-test' })
    expect(await program.end()).toBe(1)
    expect(program.stdout).toMatch(/Failures seen +[1-9]\d* by callers/)
    expect(program.stdout).toMatch(/Failure x\d+/)
    expect(program.stdout).not.toMatch(/alpha|SIGKILL/)
    expect([...keys]).toEqual(['Bearer sk-of-the-test'])
  })

  it('succeeds with a server it is given that works', async (context) => {
    needsBuild(context)
    const server = new Program('openai-server.js', [])
    const [, url = ''] = await server.says(/"url":"([^"]+)"/)
    const program = mainJob(['--seconds', '1', '--json', url])
    expect(await program.end()).toBe(0)
    expect(JSON.parse(program.stdout)).toMatchObject({ failures: 0, faults: [], transitions: [] })
  })
})

describe('its command line', () => {
  it('explains itself', async () => {
    const program = mainJob(['--help'])
    expect(await program.end()).toBe(0)
    for (const word of ['--seconds', '--json', '--no-color', 'OPENAI_API_KEY', 'SIGKILL', 'Exit'])
      expect(program.stdout).toContain(word)
    expect(program.stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  it.each([
    [['--sekonds', '3'], "Unknown option '--sekonds'"],
    [['--seconds', 'soon'], "expected a number from 1 to 3600, got 'soon'"],
    [['--seconds', '0'], "expected a number from 1 to 3600, got '0'"],
    [['--seconds'], 'argument missing'],
    [
      ['localhost:8000'],
      "expected a base URL such as http://127.0.0.1:8000/v1, got 'localhost:8000'",
    ],
  ])('refuses %j', async (args, message) => {
    const program = mainJob(args)
    expect(await program.end()).toBe(2)
    expect(program.stderr).toContain(message)
    expect(program.stderr).toContain('--help')
    expect(program.stdout).toBe('')
  })
})
