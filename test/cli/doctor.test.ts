import { describe, expect, it } from 'vitest'
import type { HttpFailure } from '../../src/core/errors.js'
import type { Examination, ExamineOptions } from '../../src/discovery/scan/examine.js'
import { comfyui, examination, found, litellm, ollama } from './reports.js'
import { say } from './terminal.js'

const sees = (fields: Partial<Examination>) => async () => examination(fields)
const step = (question: string, answer: string) => ({ question, answer })
const fails = (failure: HttpFailure, why = 'did not work') => sees({ failure, why })

describe('what doctor says', () => {
  it('says what was asked, what it is, how that is known, and that all is well', async () => {
    const steps = [
      step('GET /api/version', '200, a JSON object'),
      step('GET /api/tags', '200, a JSON object'),
    ]
    const said = await say('doctor http://127.0.0.1:11434', {
      columns: 80,
      examine: sees({ address: ollama.address, found: ollama, why: 'is Ollama', steps }),
    })
    expect(said).toMatchObject({ exit: 0, err: '' })
    expect(said.out.split('\n')).toEqual([
      'ASKED http://127.0.0.1:11434  ANSWER',
      'GET /api/version              200, a JSON object',
      'GET /api/tags                 200, a JSON object',
      '',
      'http://127.0.0.1:11434 and [::1] is Ollama',
      '  kind      ollama',
      '  service   llm',
      '  speaks    openai',
      '  version   0.12.3',
      '  health    healthy',
      '  can       chat, embeddings',
      '  models    redshank:8b, redshank:30b, knot-embed, curlew, dunlin',
      '  known by  GET /api/version has a version, /api/tags has models with digests',
      '',
    ])
  })

  it('says what something unknown would need', async () => {
    const steps = [step('GET /', '404, no body'), step('GET /info', '200, a JSON object')]
    const said = await say('doctor 127.0.0.1:9000/v1', { columns: 80, examine: sees({ steps }) })
    expect(said).toMatchObject({ exit: 1, err: '' })
    expect(said.out.split('\n')).toEqual([
      'ASKED http://127.0.0.1:9000  ANSWER',
      'GET /                        404, no body',
      'GET /info                    200, a JSON object',
      '',
      'http://127.0.0.1:9000 answers, and is none of the programs that are known',
      '',
      'To do',
      '* The path /v1 was left out: programs are known at their root.',
      '* To be found it would have to list its models at',
      '  http://127.0.0.1:9000/v1/models, as OpenAI does. If it does so below another',
      '  path, or is something else that you want to call, register it by hand with its',
      '  address.',
      '',
    ])
  })

  it.each<readonly [string, Partial<Examination>, RegExp]>([
    ['that a page is no API', { steps: [step('GET /', '200, a page')] }, /started with --api/],
    [
      'where a redirect leads',
      { steps: [step('GET /', '302 to http://10.0.0.1/login, no body')] },
      /sends whoever asks to http:\/\/10\.0\.0\.1\/login, and that is not followed: ask there/,
    ],
    [
      'that a stranger gets no key',
      { steps: [step('GET /', '401, no body'), step('GET /x', '403, a page')] },
      /no key is sent to a stranger/,
    ],
    [
      'that it breaks off',
      { steps: [step('GET /', 'closed the connection')] },
      /breaks off whatever/,
    ],
    ['that it may be busy', { failure: 'timeout' }, /--timeout 20s/],
    ['to check a name', { failure: 'dns' }, /Check the name/],
    ['to try without TLS', { failure: 'tls' }, /NODE_EXTRA_CA_CERTS/],
    ['to try the other scheme', { failure: 'protocol' }, /perhaps https:\/\/127\.0\.0\.1:9000/],
    ['that an address is closed', { failure: 'forbidden' }, /no flag changes it/],
    ['that it resets', { failure: 'reset' }, /see its log/],
  ])('says %s', async (_, fields, advice) => {
    const said = await say('doctor 127.0.0.1:9000', { examine: sees(fields) })
    expect(said.exit).toBe(1)
    expect(said.out.split('\nTo do\n')[1]).toMatch(advice)
  })

  it('looks at the other address of this machine when nothing listens at one', async () => {
    const asked: string[] = []
    const one = { ...ollama, address: 'http://[::1]:11434', alsoAt: [] }
    const said = await say('doctor 127.0.0.1:11434 --key-env KEY', {
      env: { KEY: 'sk-1' },
      async examine(address, { key }) {
        asked.push(`${address} ${key}`)
        return address.includes('[')
          ? examination({ address, found: one, why: 'is Ollama' })
          : examination({ address, failure: 'refused', why: 'refused' })
      },
    })
    expect(asked).toEqual(['http://127.0.0.1:11434 sk-1', 'http://[::1]:11434 undefined'])
    expect(said.exit).toBe(1)
    expect(said.out).toMatch(/Nothing listens there, but Ollama answers at http:\/\/\[::1\]:11434/)
    expect(said.out).not.toContain('start it')
  })

  it('says whose port it is when nothing listens, and when somebody else does', async () => {
    const refused = await say('doctor http://127.0.0.1:8188', { examine: fails('refused') })
    expect(refused.out).toMatch(
      /Nothing listens there\. Nor does anything at http:\/\/\[::1\]:8188/,
    )
    expect(refused.out).toMatch(/8188 is a usual port of ComfyUI: start it with/)
    const far = await say('doctor http://10.0.0.7:8188', { examine: fails('refused') })
    expect(far.out).toMatch(/listens on 127\.0\.0\.1 is for its own machine only/)
    const other = await say('doctor http://127.0.0.1:8188', { examine: sees({}) })
    expect(other.out).toMatch(/8188 is a usual port of ComfyUI/)
  })

  it('does not ask for a key where people log in', async () => {
    const app = found('gradio', 7_862, { protocol: 'gradio', needsCredentials: true })
    const { out } = await say('doctor 127.0.0.1:7862', { examine: sees({ found: app }) })
    expect(out).toContain('connectGradio({ headers: { cookie } })')
    expect(out).not.toContain('--key-env')
  })

  it('says how to give a key, or that it was not accepted', async () => {
    const examine = sees({ found: litellm })
    const without = await say('doctor http://127.0.0.1:4000', { examine })
    expect(without.exit).toBe(1)
    expect(without.out).toMatch(/doctor http:\/\/127\.0\.0\.1:4000 --key-env LITELLM_KEY/)
    const env = { LITELLM_KEY: 'sk-1' }
    const wrong = await say('doctor http://127.0.0.1:4000 --key-env LITELLM_KEY', { env, examine })
    expect(wrong.out).toMatch(/The key was not accepted/)
    expect(wrong.out).not.toContain('sk-1')
  })

  it.each([
    ['healthy', 0],
    ['loading', 1],
    ['degraded', 1],
    ['unhealthy', 1],
    ['unknown', 1],
  ] as const)('ends with the health: %s with %d', async (health, exit) => {
    const said = await say('doctor http://127.0.0.1:8188', {
      examine: sees({ found: { ...comfyui, health } }),
    })
    expect(said.exit).toBe(exit)
    expect(said.out.includes('To do')).toBe(exit === 1)
  })

  it('says how a scan finds what is not on a usual port, and what is known by little', async () => {
    const one = found('comfyui', 9_000, { title: 'ComfyUI', weak: true })
    const said = await say('doctor http://127.0.0.1:9000', { examine: sees({ found: one }) })
    expect(said.out).toContain('http://127.0.0.1:9000 is ComfyUI?\n')
    expect(said.out).toMatch(/\* Known by no more than a path/)
    expect(said.out).toMatch(/--port comfyui=9000\./)
  })

  it('is one document of a settled shape with --json', async () => {
    const steps = [step('GET /', '200, a page')]
    const unknown = await say('doctor http://127.0.0.1:9000 --json', { examine: sees({ steps }) })
    expect(JSON.parse(unknown.out)).toEqual({
      address: 'http://127.0.0.1:9000',
      found: null,
      why: 'answers, and is none of the programs that are known',
      failure: null,
      steps,
      advice: [expect.stringContaining('--api')],
    })
    const known = await say('doctor 127.0.0.1:8188 --json', {
      examine: sees({ found: { ...comfyui, metadata: { apiKey: 'sk-1' } }, failure: undefined }),
    })
    expect(JSON.parse(known.out).found).toMatchObject({ kind: 'comfyui', health: 'loading' })
    expect(known.out).not.toContain('sk-1')
  })

  it('lets no back end write to the terminal what it likes', async () => {
    const evil = `\u001b]0;x\u0007\u001b[2J\u202e\nFAKE${'x'.repeat(10_000)}`
    const one = found('ollama', 9_000, {
      title: evil,
      version: evil,
      evidence: evil,
      models: [{ id: evil, provider: 'ollama' }],
      capabilities: [{ name: evil }],
    })
    for (const fields of [{ found: one }, { why: evil, steps: [step(evil, evil)] }]) {
      const { out } = await say('doctor 127.0.0.1:9000', { columns: 80, examine: sees(fields) })
      expect(out).not.toMatch(/[^\P{C}\n]/u)
      expect(out).not.toMatch(/^FAKE/m)
      for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    }
  })
})

describe('what doctor asks', () => {
  async function asked(args: string, env = {}): Promise<readonly [string, ExamineOptions]> {
    let given: readonly [string, ExamineOptions] = ['', {}]
    await say(args, {
      env,
      async examine(address, options) {
        given = [address, options]
        return examination({ address })
      },
    })
    return given
  }

  it.each([
    ['127.0.0.1:8188', 'http://127.0.0.1:8188'],
    ['localhost:8188/v1?key=x', 'http://localhost:8188'],
    ['https://gpu.example', 'https://gpu.example'],
    ['[::1]:8188', 'http://[::1]:8188'],
  ])('%s is %s', async (given, address) => {
    expect((await asked(`doctor ${given}`))[0]).toBe(address)
  })

  it('is asked with the key and the time that were given, and that host only', async () => {
    const [, options] = await asked('doctor http://93.184.216.34 --key-env KEY --timeout 9s', {
      KEY: 'sk-1',
    })
    expect(options).toMatchObject({ key: 'sk-1', timeoutMs: 9_000 })
    const { policy } = options
    await expect(policy?.check('http://93.184.216.34')).resolves.toBeDefined()
    await expect(policy?.check('http://93.184.216.35')).rejects.toThrow('Refused')
  })

  it('never lets clouds give away their keys', async () => {
    const [, { policy }] = await asked('doctor http://169.254.169.254')
    await expect(policy?.check('http://169.254.169.254')).rejects.toThrow('Refused')
  })

  it.each([
    ['', /doctor needs URL/],
    ['a b', /does not know what to do with 'b'/],
    ['http://', /expected an address such as/],
    ['ftp://x', /expected http or https.*'ftp:\/\/'/],
    ['http://x:0', /a port from 1 to 65535/],
    ['http://x:70000', /expected an address/],
    ['http://me:secret@x', /without a user name and a password/],
    ['x --key-env NO_KEY', /NO_KEY is not set/],
    ['x --timeout never', /--timeout is a time/],
    ['x --jsn', /did you mean --json/],
  ])('refuses "%s" with exit code 2', async (args, message) => {
    const said = await say(`doctor ${args}`.trim(), {
      examine: () => Promise.reject(new Error('asked')),
    })
    expect(said).toMatchObject({ exit: 2, out: '' })
    expect(said.err).toMatch(message)
    expect(said.err).not.toContain('secret')
  })
})
