import { describe, expect, it } from 'vitest'
import type { Registry } from '../../src/cli/shell.js'
import { widthOf } from '../../src/cli/table.js'
import { StoreInUseError } from '../../src/core/errors.js'
import type { DiscoverOptions } from '../../src/discovery/scan/options.js'
import type { Found, ScanReport } from '../../src/discovery/scan/report.js'
import { ServiceRegistry } from '../../src/index.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { Painted } from './painted.js'
import { comfyui, found, litellm, models, ollama, progress, report } from './reports.js'
import { say } from './terminal.js'

const finds =
  (fields: Partial<ScanReport> = {}) =>
  async (): Promise<ScanReport> =>
    report(fields)

const missing = [
  {
    kind: 'vllm',
    title: 'vLLM',
    tried: [
      { address: 'http://127.0.0.1:8000', why: 'connection refused: nothing listens there' },
      { address: 'http://[::1]:8000', why: 'is Speaches' },
    ],
    advice:
      'start it with `vllm serve <model>`; it listens on port 8000 unless --port says otherwise',
  },
]

const all = { found: [litellm, comfyui, ollama], missing }

describe('what discover says', () => {
  it('has one line for each back end where no terminal reads', async () => {
    const said = await say('discover', { discover: finds(all) })
    expect(said.exit).toBe(0)
    expect(said.out.split('\n')).toEqual([
      'WHAT     WHERE                             VERSION  HEALTH       CAPABILITIES          MODELS                                    KNOWN BY',
      'LiteLLM  http://127.0.0.1:4000             -        needs a key  -                     -                                         GET /health/liveliness says so',
      'ComfyUI  http://127.0.0.1:8188             0.4.1    loading      image_generation@1.0  heron.safetensors                         GET /system_stats has comfyui_version',
      'Ollama   http://127.0.0.1:11434 and [::1]  0.12.3   healthy      chat, embeddings      redshank:8b, redshank:30b, knot-embed +2  GET /api/version has a version, /api/tags has models with digests',
      '',
      'Found, needs credentials. Put the key into the environment and name it:',
      '  LiteLLM at http://127.0.0.1:4000: --key-env litellm=LITELLM_KEY',
      '',
    ])
    expect(said.err).toBe(
      'Found 3 back ends at 436 ports in 0.8 s.\n--explain says where each kind was looked for, why it was not there, and what to do.\n',
    )
  })

  it('tells a key that is missing from one that is not accepted, and a login from both', async () => {
    const gradio = { ...litellm, kind: 'gradio', title: 'Gradio app', protocol: 'gradio' as const }
    const { out } = await say('discover --key-env litellm=MY_KEY', {
      env: { MY_KEY: 'sk-1' },
      discover: finds({ found: [litellm, gradio] }),
    })
    expect(out.split('\n').slice(4)).toEqual([
      'Found, needs credentials. Put the key into the environment and name it:',
      '  Gradio app at http://127.0.0.1:4000: has a login instead of a key; in a program give its cookie to connectGradio, as a header',
      '',
      'Found, and does not accept its key. Check that the key is of this program, and still holds:',
      '  LiteLLM at http://127.0.0.1:4000: --key-env litellm=MY_KEY',
      '',
    ])
  })

  it('fits 80 columns', async () => {
    const said = await say('discover', { columns: 80, discover: finds(all) })
    expect(said.out.split('\n')).toEqual([
      'WHAT     WHERE                             VERSION  HEALTH',
      'LiteLLM  http://127.0.0.1:4000             -        needs a key',
      '  known by  GET /health/liveliness says so',
      'ComfyUI  http://127.0.0.1:8188             0.4.1    loading',
      '  can       image_generation@1.0',
      '  models    heron.safetensors',
      '  known by  GET /system_stats has comfyui_version',
      'Ollama   http://127.0.0.1:11434 and [::1]  0.12.3   healthy',
      '  can       chat, embeddings',
      '  models    redshank:8b, redshank:30b, knot-embed, curlew, dunlin',
      '  known by  GET /api/version has a version, /api/tags has models with digests',
      '',
      'Found, needs credentials. Put the key into the environment and name it:',
      '  LiteLLM at http://127.0.0.1:4000: --key-env litellm=LITELLM_KEY',
      '',
    ])
    expect(said.err).toBe(
      '\nFound 3 back ends at 436 ports in 0.8 s.\n--explain says where each kind was looked for, why it was not there, and what to\n  do.\n',
    )
  })

  it('uses 120 columns for one line each where that is enough', async () => {
    const one = { ...comfyui, evidence: 'GET /it is it' }
    const small = await say('discover', { columns: 120, discover: finds({ found: [one] }) })
    expect(small.out.split('\n')).toEqual([
      'WHAT     WHERE                  VERSION  HEALTH   CAPABILITIES          MODELS             KNOWN BY',
      'ComfyUI  http://127.0.0.1:8188  0.4.1    loading  image_generation@1.0  heron.safetensors  GET /it is it',
      '',
    ])
    const large = await say('discover', { columns: 120, discover: finds(all) })
    expect(large.out).toContain(
      '\n  models    redshank:8b, redshank:30b, knot-embed, curlew, dunlin\n',
    )
  })

  it('names some models, and counts the rest', async () => {
    const many = models('ollama', ...Array.from({ length: 500 }, (_, at) => `curlew-${at}`))
    const { out } = await say('discover', {
      columns: 60,
      discover: finds({ found: [{ ...ollama, models: many }] }),
    })
    expect(out).toContain('\n  models    curlew-0, curlew-1, curlew-2, curlew-3 +496\n')
  })

  it('marks what is known by little', async () => {
    const { out } = await say('discover', {
      discover: finds({ found: [{ ...comfyui, weak: true }] }),
    })
    expect(out).toMatch(/\nComfyUI\? .*comfyui_version; something else may say so too\n/)
  })

  it('says what listens and is unknown: ten of them, or all with --explain', async () => {
    const unknown = Array.from({ length: 12 }, (_, at) => ({
      address: `http://127.0.0.1:${8_000 + at}`,
      why: 'answers, and is none of the programs that are known (Server: Owl)',
      silent: false,
    }))
    const some = await say('discover', { columns: 60, discover: finds({ unknown }) })
    expect(some.exit).toBe(1)
    expect(some.out).toMatch(
      /^Listening, and not recognised:\n {2}http:\/\/127\.0\.0\.1:8000 answers, and is none of the programs\n {4}that are known \(Server: Owl\)\n/,
    )
    expect(some.out).toMatch(/:8009 [\s\S]*\n {2}and 2 more\n$/)
    expect(some.err).toContain('switchgear doctor URL says more about an address.')
    const every = await say('discover --explain', { discover: finds({ unknown }) })
    expect(every.out).toMatch(/:8011 /)
    expect(every.out).not.toContain('more')
  })

  it('explains for each kind that is missing where, why, and what to do', async () => {
    const said = await say('discover --explain', { columns: 80, discover: finds({ missing }) })
    expect(said.out).toBe(
      [
        'vLLM (vllm) was not found',
        '  http://127.0.0.1:8000 connection refused: nothing listens there',
        '  http://[::1]:8000 is Speaches',
        '  To do: start it with `vllm serve <model>`; it listens on port 8000 unless',
        '    --port says otherwise',
        '',
      ].join('\n'),
    )
    expect(said.err).not.toContain('--explain')
  })

  it('says what was looked for and what to do when there is nothing', async () => {
    const said = await say('discover', { discover: finds({ missing }) })
    expect(said).toMatchObject({ exit: 1, out: '' })
    expect(said.err.split('\n')).toEqual([
      'Nothing was found at 436 ports in 0.8 s.',
      'Looked for vLLM.',
      'Start one of them. If it listens on another port: --port KIND=PORT; on another machine: --host HOST.',
      'MCP servers and A2A agents have no usual port: name it, as in --port mcp=3001.',
      '--explain says where each kind was looked for, why it was not there, and what to do.',
      '',
    ])
    const { err } = await say('discover --only mcp', { discover: finds() })
    expect(err).not.toContain('Looked for')
  })

  it('says how to name a place when there was none to look at', async () => {
    const { err } = await say('discover --host http://a:8188', { discover: finds({ ports: 0 }) })
    expect(err).toContain('For one URL: switchgear doctor URL.')
    expect(err).not.toContain('Start one of them')
  })

  it('says when the time was over', async () => {
    const { err } = await say('discover', { discover: finds({ complete: false, found: [ollama] }) })
    expect(err).toContain(
      'Not everything answered before the time was over: --timeout gives it more.',
    )
  })

  it('names what could not be used as it was written', async () => {
    const { err, exit } = await say(
      'discover --port comfyui=8189,70000 --host Nowhere.invalid --host comfyui=a/b --range 9-8',
      {
        discover: finds({
          found: [ollama],
          problems: [
            { field: 'backends.comfyui.ports[1]', message: 'is no port, got 70000' },
            { field: 'backends.comfyui.hosts[0]', message: 'is no host' },
            { field: 'range', message: 'is no range: 9 to 8' },
            { field: 'host nowhere.invalid', message: 'could not be resolved\u001b[2J' },
          ],
        }),
      },
    )
    expect(exit).toBe(0)
    expect(err.split('\n').slice(1, 5)).toEqual([
      '--port comfyui=70000: is no port',
      '--host comfyui=a/b: is no host',
      '--range 9-8: is no range: 9 to 8',
      '--host Nowhere.invalid: could not be resolved',
    ])
  })

  it('lets no back end write to the terminal what it likes', async () => {
    const evil = '\u001b]0;owned\u0007\u001b[2J\u202e\r\nFAKE  http://evil  healthy\u009b31m'
    const long = 'x'.repeat(10_000)
    const one = found('ollama', 1, {
      title: evil,
      version: `${evil}${long}`,
      evidence: evil,
      capabilities: [{ name: `${evil}${long}` }],
      models: models('ollama', evil, long),
      metadata: { evil },
    })
    const unknown = [{ address: 'http://127.0.0.1:2', why: `titled "${evil}"`, silent: false }]
    for (const columns of [undefined, 120, 80, 40]) {
      const { out, err } = await say('discover', {
        columns,
        discover: finds({ found: [one], unknown }),
      })
      expect(`${out}${err}`).not.toMatch(/[^\P{C}\n]/u)
      expect(out).not.toMatch(/^FAKE/m)
      const widest = Math.max(...`${out}${err}`.split('\n').map(widthOf))
      expect(widest).toBeLessThanOrEqual(columns ?? 800)
    }
    const { out } = await say('discover --json', { discover: finds({ found: [one], unknown }) })
    expect(out).not.toMatch(/[^\P{C}\n]/u)
    expect(JSON.parse(out).found[0].title).toBe(evil)
  })
})

describe('discover --json', () => {
  it('is one document of a settled shape', async () => {
    const unknown = [{ address: 'http://127.0.0.1:8001', why: 'did not answer', silent: true }]
    const problems = [{ field: 'range', message: 'is none' }]
    const said = await say('discover --json --range 1-2', {
      columns: 80,
      discover: finds({ found: [comfyui], unknown, missing, problems }),
    })
    expect(said).toMatchObject({ exit: 0, err: '' })
    expect(JSON.parse(said.out)).toEqual({
      found: [
        {
          name: 'comfyui@127.0.0.1:8188',
          kind: 'comfyui',
          title: 'ComfyUI',
          service: 'media',
          protocol: 'comfyui',
          address: 'http://127.0.0.1:8188',
          alsoAt: [],
          health: 'loading',
          needsCredentials: false,
          weak: false,
          evidence: 'GET /system_stats has comfyui_version',
          version: '0.4.1',
          capabilities: [{ name: 'image_generation', version: '1.0' }],
          models: [{ id: 'heron.safetensors', provider: 'comfyui' }],
          metadata: {},
        },
      ],
      unknown,
      missing,
      problems: [{ field: '--range 1-2', message: 'is none' }],
      ports: 436,
      complete: true,
      elapsedMs: 812,
    })
  })

  it('hides secrets', async () => {
    const metadata = { apiKey: 'sk-1', inner: { hf_token: 'sk-2' }, url: 'http://me:sk-3@x' }
    const { out } = await say('discover --json --key-env ollama=SECRET_KEY', {
      env: { SECRET_KEY: 'sk-4' },
      discover: finds({ found: [{ ...ollama, metadata, limits: metadata }] }),
    })
    expect(out).not.toContain('sk-')
  })

  it('says with exit code 1 that nothing was found', async () => {
    const said = await say('discover --json', { discover: finds() })
    expect(said).toMatchObject({ exit: 1, err: '' })
    expect(JSON.parse(said.out).found).toEqual([])
  })
})

describe('what discover looks for', () => {
  async function asked(args: string, env: Record<string, string> = {}): Promise<DiscoverOptions> {
    let given: DiscoverOptions = {}
    await say(args, {
      env,
      async discover(options) {
        given = options
        return report()
      },
    })
    return given
  }

  it('is everything, unless the flags say otherwise', async () => {
    const { policy: _, signal: __, ...options } = await asked('discover')
    expect(options).toEqual({ backends: {}, timeoutMs: 2_000, deadlineMs: 4_500 })
  })

  it('is what the flags say', async () => {
    const options = await asked(
      'discover --port comfyui=8189,8190 --port comfyui=9000 --host gpu-1 --host 10.0.0.7 --host comfyui=gpu-2 --range 9000-9010 --only comfyui,ollama --only vllm --timeout 3s --key-env ollama=MY_KEY',
      { MY_KEY: ' sk-1 ' },
    )
    expect(options).toMatchObject({
      hosts: ['gpu-1', '10.0.0.7'],
      backends: {
        comfyui: { ports: [8_189, 8_190, 9_000], hosts: ['gpu-2'], key: undefined },
        ollama: { ports: [], hosts: [], key: 'sk-1' },
      },
      range: [9_000, 9_010],
      only: ['comfyui', 'ollama', 'vllm'],
      timeoutMs: 3_000,
      deadlineMs: 6_500,
    })
    expect(await asked('discover --no-range')).toMatchObject({ range: false })
    expect((await asked('discover --port ollama=http,0x50,,-1')).backends?.ollama?.ports).toEqual([
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ])
  })

  it('is whole addresses too, of a kind or of anything', async () => {
    const options = await asked(
      'discover --address https://gpu-1:8443/some/path --address 10.0.0.7:9000 --address comfyui=https://93.184.216.34 --address comfyui=http://gpu-2:1',
    )
    expect(options).toMatchObject({
      addresses: ['https://gpu-1:8443', 'http://10.0.0.7:9000'],
      backends: { comfyui: { addresses: ['https://93.184.216.34', 'http://gpu-2:1'] } },
    })
    const check = (host: string) => options.policy?.check({ host, port: 443 })
    await expect(check('93.184.216.34')).resolves.toMatchObject({ hostname: '93.184.216.34' })
    await expect(check('93.184.216.35')).rejects.toThrow('Refused')
  })

  it('may be on a host of the internet that is named, and on no other, and never where clouds keep keys', async () => {
    const { policy } = await asked(
      'discover --host 93.184.216.34 --host comfyui=[2606:4700::1] --host 169.254.169.254 --host 8.8.0.0/16',
    )
    const check = (host: string) => policy?.check({ host, port: 80 })
    for (const host of ['93.184.216.34', '2606:4700::1', '127.0.0.1', '10.0.0.1'])
      await expect(check(host)).resolves.toMatchObject({ hostname: host })
    for (const host of ['93.184.216.35', '8.8.8.8', '169.254.169.254', '0.0.0.0'])
      await expect(check(host)).rejects.toThrow('Refused')
  })

  it.each([
    ['--port 8189', /--port needs KIND=PORT, such as comfyui=8189/],
    ['--port comfyiu=8189', /there is no kind 'comfyiu'; did you mean 'comfyui'\?/],
    ['--port __proto__=1', /there is no kind '__proto__'; known are/],
    ['--host comfyiu=a', /did you mean 'comfyui'/],
    ['--address comfyiu=http://a', /--address: .*did you mean 'comfyui'/],
    ['--address http://me:secret@a', /--address: expected an address without a user name/],
    ['--address ftp://a', /--address: expected http or https/],
    ['--address http://[::', /--address: expected an address such as/],
    ['--only olama', /--only: .*did you mean 'ollama'/],
    ['--range 8000', /--range is FIRST-LAST, such as 8000-8200; got '8000'/],
    ['--range 1-2 --no-range', /the opposite/],
    ['--timeout soon', /--timeout is a time such as 500ms or 2s.*got 'soon'/],
    ['--timeout 0', /from 10 ms to 60 s/],
    ['--watch --every 1', /--every is a time/],
    ['--every 2s', /--every is for --watch/],
    ['--watch --save', /--save is for one look/],
    ['--watch --explain', /--explain is for one look/],
    ['--store x', /--store is for --save/],
    ['--key-env ollama=NO_SUCH_KEY', /NO_SUCH_KEY is not set/],
    ['--prot a=1', /did you mean --port\?/],
    ['ollama', /does not know what to do with 'ollama'/],
  ])('refuses %s with exit code 2, before it looks', async (args, message) => {
    const said = await say(`discover ${args}`, {
      discover: () => Promise.reject(new Error('looked')),
    })
    expect(said).toMatchObject({ exit: 2, out: '' })
    expect(said.err).toMatch(message)
  })

  it('does not repeat a key that was given in place of the name of its variable', async () => {
    for (const args of ['ollama=sk-very-secret', 'sk-very-secret', 'ollama=hf_verysecret']) {
      const said = await say(`discover --key-env ${args}`)
      expect(said.exit).toBe(2)
      expect(said.err).not.toMatch(/secret/)
    }
  })
})

/** A terminal of 60 by 10 that both streams write to. */
function terminal(columns = 60) {
  const painted = new Painted()
  const clock = new FakeClock()
  clock.setWall(Date.UTC(2026, 0, 2, 10, 20, 30))
  return {
    painted,
    clock,
    shell: {
      clock,
      columns,
      screen: () => ({ columns, rows: 10 }),
      out: (text: string) => painted.write(text),
      err: (text: string) => painted.write(text),
    },
  }
}

describe('while it looks', () => {
  it('shows how far it is, who is asked and what is found, in place, and takes it away', async () => {
    const { clock, painted, shell } = terminal()
    const shown: (readonly string[])[] = []
    const { exit } = await say('discover', {
      ...shell,
      async discover({ onProgress }) {
        onProgress?.(progress({ done: 1 }))
        shown.push(painted.lines)
        expect(painted.cursorShown).toBe(false)
        onProgress?.(progress({ done: 99, asking: ['http://127.0.0.1:8188'] }))
        shown.push(painted.lines) // not yet drawn: ten times a second is enough
        await clock.advance(100)
        shown.push(painted.lines)
        const asking = ['http://a:1', 'http://b:2', 'http://c:3', 'http://[::1]:4', 'http://e:5']
        onProgress?.(progress({ done: 400, asking, found: [ollama] })) // at once
        shown.push(painted.lines)
        await clock.advance(1_000)
        const more = Array.from({ length: 20 }, (_, at) => found('vllm', 9_000 + at))
        onProgress?.(progress({ done: 436, found: [ollama, ...more] }))
        shown.push(painted.lines)
        return report({ found: [comfyui] })
      },
    })
    expect(exit).toBe(0)
    expect(shown[0]).toEqual(['Looking: 1 of 436 ports, 435 left, 0.0 s', 'Asking nobody now'])
    expect(shown[1]).toEqual(shown[0])
    expect(shown[2]).toEqual(['Looking: 99 of 436 ports, 337 left, 0.1 s', 'Asking 127.0.0.1:8188'])
    expect(shown[3]).toEqual([
      'Looking: 400 of 436 ports, 36 left, 0.1 s',
      'Asking a:1, b:2, c:3 and 2 more',
      'FOUND   WHERE                             VERSION  HEALTH',
      'Ollama  http://127.0.0.1:11434 and [::1]  0.12.3   healthy',
    ])
    expect(shown[4]).toHaveLength(9)
    expect(shown[4]?.at(-1)).toBe('and 16 more')
    expect(painted.lines[0]).toMatch(/^WHAT/)
    expect(painted.lines.join('\n')).not.toContain('Looking')
    expect(painted.cursorShown).toBe(true)
  })

  it('draws each picture in one write, and none twice', async () => {
    const { clock, painted, shell } = terminal()
    await say('discover', {
      ...shell,
      async discover({ onProgress }) {
        onProgress?.(progress())
        const before = painted.writes.length
        for (let at = 0; at < 50; at++) onProgress?.(progress({ done: at }))
        expect(painted.writes).toHaveLength(before)
        await clock.advance(100)
        expect(painted.writes).toHaveLength(before + 1)
        const drawn = painted.writes.at(-1)?.replaceAll('\u001b', '^')
        expect(drawn).toMatch(/^\r\^\[2A.*\^\[K\n.*\^\[K\n\^\[J$/)
        return report({ found: [ollama] })
      },
    })
  })

  it('draws nothing where no terminal is, or none that may be drawn on', async () => {
    const { err, out } = await say('discover', {
      async discover({ onProgress }) {
        onProgress?.(progress({ found: [ollama] }))
        return report({ found: [ollama] })
      },
    })
    expect(`${out}${err}`.replaceAll('\u001b', '^')).not.toMatch(/\^|Looking/)
  })

  it('gives the cursor back when it is interrupted, and ends with 130', async () => {
    const { painted, shell } = terminal()
    const stop = new AbortController()
    const { Failure } = await import('../../src/cli/failure.js')
    const { exit } = await say('discover', {
      ...shell,
      interruptible: (work) => work(stop.signal),
      async discover({ onProgress, signal }) {
        onProgress?.(progress())
        stop.abort(new Failure('interrupted', { exit: 130 }))
        throw signal?.reason
      },
    })
    expect(exit).toBe(130)
    expect(painted.lines).toEqual(['switchgear: interrupted'])
    expect(painted.cursorShown).toBe(true)
  })
})

describe('discover --watch', () => {
  /** Each look finds what comes next; the user interrupts during the one after the last. */
  async function watched(args: string, reports: readonly Partial<ScanReport>[], draws = true) {
    const { clock, painted, shell } = terminal(80)
    const stop = new AbortController()
    const pictures: (readonly string[])[] = []
    const left = [...reports]
    const running = say(args, {
      ...shell,
      ...(!draws && { screen: () => undefined }),
      interruptible: (work) => work(stop.signal),
      async discover({ signal }) {
        pictures.push(painted.lines)
        const next = left.shift()
        if (next !== undefined) return report(next)
        stop.abort(new Error('interrupted'))
        throw signal?.reason
      },
    })
    await clock.advance(60_000)
    const { exit } = await running
    return { exit, painted, pictures }
  }

  it('tells what appears, changes and goes, and ends with 0', async () => {
    const better = { ...comfyui, health: 'healthy' as const, version: '0.5' }
    const other = { ...better, models: models('comfyui', 'a', 'b'), metadata: { changed: true } }
    const { exit, painted, pictures } = await watched('discover --watch', [
      { found: [ollama] },
      { found: [ollama, comfyui] },
      { found: [ollama, better] },
      { found: [ollama, other] },
      { found: [ollama, { ...other, metadata: {} }] },
      { found: [], unknown: [{ address: other.address, why: 'busy', silent: true }] },
      { found: [], complete: false },
      { found: [] },
    ])
    expect(exit).toBe(0)
    const lines = painted.lines.slice(painted.lines.findIndex((line) => line.startsWith('10:')))
    expect(lines).toEqual([
      '10:20:35 + ComfyUI at http://127.0.0.1:8188: loading; version 0.4.1',
      '10:20:40 ~ ComfyUI at http://127.0.0.1:8188: loading → healthy; version 0.4.1 →',
      '    0.5',
      '10:20:45 ~ ComfyUI at http://127.0.0.1:8188: models +a, +b, -heron.safetensors',
      '10:20:55 - Ollama at http://127.0.0.1:11434 and [::1]: is not there any more',
      '10:20:55 ~ ComfyUI at http://127.0.0.1:8188: healthy → unknown',
      '10:21:05 - ComfyUI at http://127.0.0.1:8188: is not there any more',
    ])
    expect(pictures[1]?.[0]).toMatch(/^WHAT/)
    expect(pictures[1]?.at(-1)).toBe('Watching 1 back end, looking again in 0.5 s; Ctrl-C ends it')
    expect(painted.cursorShown).toBe(true)
  })

  it('tells of no change when one was too busy to say all that it has', async () => {
    const { painted } = await watched('discover --watch', [
      { found: [comfyui] },
      { found: [{ ...comfyui, models: [], capabilities: [], partial: true }] },
    ])
    expect(painted.lines.filter((line) => /^\d\d:.* [+~-] /.test(line))).toEqual([])
  })

  it('waits as long as --every says', async () => {
    const { painted } = await watched('discover --watch --every 20s', [
      {},
      { found: [ollama] },
      { found: [] },
    ])
    expect(painted.lines.at(-2)).toMatch(/^10:20:50 \+ Ollama/)
    expect(painted.lines.at(-1)).toMatch(/^10:21:10 - Ollama/)
  })

  it('writes a line of JSON for each change and each look', async () => {
    const { exit, painted } = await watched(
      'discover --watch --json',
      [{ found: [ollama] }, { found: [ollama] }, { found: [comfyui] }],
      false,
    )
    expect(exit).toBe(0)
    const lines = painted.lines.map((line) => JSON.parse(line))
    expect(lines.map(({ event, found: one }) => [event, one?.kind ?? one])).toEqual([
      ['appeared', 'ollama'],
      ['scanned', 1],
      ['scanned', 1],
      ['gone', 'ollama'],
      ['appeared', 'comfyui'],
      ['scanned', 1],
    ])
    expect(lines[1]).toEqual({
      event: 'scanned',
      at: '2026-01-02T10:20:30.000Z',
      found: 1,
      problems: [],
      ports: 436,
      complete: true,
      elapsedMs: 812,
    })
    expect(Object.keys(lines[0]).sort()).toEqual(['at', 'event', 'found'])
  })
})

describe('discover --save', () => {
  const clock = new FakeClock(1_000_000)

  /** A registry that stays open after the command. */
  class Kept extends ServiceRegistry<Record<string, object>> implements Registry {
    constructor() {
      super({ clock })
    }

    override async close(): Promise<void> {}
  }

  const saving = async (registry: Registry, ...list: Found[]) => {
    await clock.advance(1_000)
    return say('discover --save --store r.json', {
      clock,
      registry,
      discover: finds({ found: list }),
    })
  }

  it('keeps what was found, as a registry lists it, and says what that changed', async () => {
    const registry = new Kept()
    const first = await saving(registry, comfyui, ollama)
    expect(first).toMatchObject({ exit: 0, opened: ['/work/r.json to write'] })
    expect(first.out).toMatch(
      /\n\n\+ comfyui@127\.0\.0\.1:8188\n\+ ollama@127\.0\.0\.1:11434\nProviders: 2 added, 0 changed, 0 unchanged\nModels: 6 added, 0 changed\nKept in \/work\/r\.json\n$/,
    )
    expect(registry.get('comfyui@127.0.0.1:8188')).toMatchObject({
      service: 'media',
      address: 'http://127.0.0.1:8188',
      version: '0.4.1',
      health: 'loading',
      origin: 'local',
      models: ['heron.safetensors'],
      capabilities: [{ name: 'image_generation', version: '1.0' }],
      metadata: { kind: 'comfyui', title: 'ComfyUI', protocol: 'comfyui' },
    })
    expect(registry.models.list()).toHaveLength(6)
    const second = await saving(registry, { ...comfyui, version: '0.5' }, ollama)
    expect(second.out).toContain(
      '~ comfyui@127.0.0.1:8188\nProviders: 0 added, 1 changed, 1 unchanged',
    )
    expect(registry.get('comfyui@127.0.0.1:8188')?.version).toBe('0.5')
  })

  it('leaves what somebody settled, and what was not looked for', async () => {
    const registry = new Kept()
    await saving(registry, comfyui, ollama)
    const snapshot = registry.export({ secrets: true })
    const providers = snapshot.providers.map((one) => ({ ...one, priority: 0, weight: 7 }))
    registry.import({ ...snapshot, providers })
    await saving(registry, { ...comfyui, version: '0.5', health: 'healthy' })
    expect(registry.get('comfyui@127.0.0.1:8188')).toMatchObject({
      priority: 'critical',
      weight: 7,
      version: '0.5',
    })
    expect(registry.get('ollama@127.0.0.1:11434')).toMatchObject({ health: 'healthy', weight: 7 })
  })

  it('knows still what a back end had before it wanted a key', async () => {
    const registry = new Kept()
    await saving(registry, ollama)
    const locked = {
      ...ollama,
      capabilities: [],
      models: [],
      version: undefined,
      needsCredentials: true,
    }
    await saving(registry, { ...locked, health: 'unhealthy' })
    expect(registry.get(ollama.name)).toMatchObject({
      health: 'unhealthy',
      version: '0.12.3',
      models: ollama.models.map(({ id }) => id),
      metadata: { needsCredentials: true },
    })
  })

  it('touches nothing that code registered, and keeps the others', async () => {
    const registry = new Kept()
    registry.register({ service: 'llm', name: ollama.name, provider: {}, address: 'http://mine' })
    const said = await saving(registry, ollama, comfyui)
    expect(said.exit).toBe(1)
    expect(said.out).toMatch(/! ollama@127\.0\.0\.1:11434 was not kept: .*'manual'/)
    expect(registry.get(ollama.name)?.address).toBe('http://mine')
    expect(registry.get(comfyui.name)?.origin).toBe('local')
  })

  it('keeps the others when one says what no registry takes', async () => {
    const registry = new Kept()
    const said = await saving(
      registry,
      { ...ollama, capabilities: [{ name: '' }] },
      { ...comfyui, name: `comfyui@${'x'.repeat(10_000)}` },
      litellm,
    )
    expect(said.exit).toBe(1)
    expect(registry.get(litellm.name)).toMatchObject({ origin: 'local', health: 'unhealthy' })
    expect(said.out).toContain('! ollama@127.0.0.1:11434 was not kept: ')
  })

  it('says in JSON what it kept', async () => {
    const { out } = await say('discover --save --json', {
      registry: new Kept(),
      discover: finds({ found: [comfyui] }),
    })
    expect(JSON.parse(out).saved).toEqual({
      added: ['comfyui@127.0.0.1:8188'],
      changed: [],
      unchanged: [],
      refused: [],
      models: { added: 1, changed: 0 },
    })
  })

  it('says what it found, and that nothing was kept, while a program uses the registry', async () => {
    const said = await say('discover --save', {
      discover: finds({ found: [ollama] }),
      open: () => Promise.reject(new StoreInUseError('r.json', 'process 7 on here', 'stop it')),
    })
    expect(said.exit).toBe(1)
    expect(said.out).toMatch(/\nOllama /)
    expect(said.err).toMatch(/r\.json is in use by process 7 on here, and nothing was changed/)
  })
})
