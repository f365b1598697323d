import { describe, expect, it, onTestFinished } from 'vitest'
import { startA2aAgent } from './a2a.js'
import { type GradioApp, type GradioVersion, gradioVersions, startGradio } from './gradio.js'
import { litellmModels, startLiteLLM } from './litellm.js'
import { startMcpEverything } from './mcp-everything.js'
import { startPortkey } from './portkey.js'
import { needsPython } from './python.js'
import type { RealServer } from './server.js'

// That each real program starts, is what it claims to be at the path by which it is known, and ends.

/** Longer than a program may take to start: what it is waiting for is what a failure shall say. */
const timeout = 120_000

/** Ends it with the test. */
async function started(starting: Promise<RealServer>): Promise<RealServer> {
  const server = await starting
  onTestFinished(() => server.stop())
  return server
}

/** Status and JSON of an answer. */
async function ask(server: RealServer, path: string, init: RequestInit = {}) {
  const answer = await fetch(server.url + path, init)
  const body: unknown = await answer.json()
  return { status: answer.status, body }
}

describe('Gradio', { timeout }, () => {
  const configOf = async (version: GradioVersion, app: GradioApp) => {
    const server = await started(startGradio(version, app))
    return { server, config: await ask(server, '/config') }
  }
  const named = (name: string | null) => expect.objectContaining({ api_name: name })
  const component = (type: string, props: object) =>
    expect.objectContaining({ type, props: expect.objectContaining(props) })

  const apps: Readonly<Record<GradioVersion, readonly [GradioApp, object]>> = {
    '3.34': [
      'rvc',
      {
        title: 'RVC WebUI',
        components: expect.arrayContaining([
          component('dropdown', { choices: ['alto.pth', 'tenor_v2.pth'] }),
        ]),
        dependencies: expect.arrayContaining([named('infer_convert'), named('infer_change_voice')]),
      },
    ],
    '3.50': [
      'audioldm',
      {
        title: 'Gradio',
        components: expect.arrayContaining([
          component('html', { value: expect.stringContaining('AudioLDM') }),
          component('dropdown', {
            choices: expect.arrayContaining([['audioldm-s-full', 'audioldm-s-full']]),
          }),
        ]),
        dependencies: [named(null)],
      },
    ],
    '4.44': ['plain', { title: 'Shouting room', dependencies: [named('shout'), named('repeat')] }],
    '5.29': [
      'wangp',
      {
        title: 'WanGP',
        components: expect.arrayContaining([
          component('markdown', { value: expect.stringContaining('GP</SUP> v12.60') }),
          component('dropdown', { elem_id: 'family_list' }),
          component('dropdown', { elem_id: 'model_list' }),
        ]),
      },
    ],
    '6.30': ['plain', { title: 'Shouting room', dependencies: [named('shout'), named('repeat')] }],
  }

  for (const version of gradioVersions) {
    const [app, marks] = apps[version]
    it(`${version} serves what the app ${app} is known by`, async (context) => {
      needsPython(context, `gradio-${version}`)
      const { config, server } = await configOf(version, app)
      expect(config.status).toBe(200)
      expect(config.body).toMatchObject({
        version: expect.stringContaining(`${version}.`),
        ...marks,
      })
      const { status } = await ask(server, '/api/health')
      expect(status).toBe(version < '5' ? 405 : 404)
    })
  }

  for (const version of ['3.50', '6.30'] as const) {
    it(`${version} asks for a user`, async (context) => {
      needsPython(context, `gradio-${version}`)
      const { config } = await configOf(version, 'locked')
      const detail =
        version === '6.30'
          ? { error: 'Not authenticated', auth_message: null }
          : 'Not authenticated'
      expect(config).toEqual({ status: 401, body: { detail } })
    })
  }
})

describe('LiteLLM', { timeout }, () => {
  it('is alive, and tells its models to those who have the key', async (context) => {
    needsPython(context, 'litellm')
    const server = await started(startLiteLLM({ key: 'sk-only-for-tests' }))
    const headers = { authorization: 'Bearer sk-only-for-tests' }
    expect(await ask(server, '/health/liveliness')).toEqual({ status: 200, body: "I'm alive!" })
    expect(await ask(server, '/v1/models')).toMatchObject({
      status: 401,
      body: { error: { message: expect.stringMatching(/^Authentication Error, No api key/) } },
    })
    expect(await ask(server, '/v1/models', { headers })).toMatchObject({
      status: 200,
      body: { data: litellmModels.map((model) => ({ id: model.model_name })) },
    })
    expect(await ask(server, '/v1/model/info', { headers })).toMatchObject({
      body: { data: [{ model_info: { mode: 'chat' } }, { model_info: { mode: 'embedding' } }] },
    })
    const chat = { model: 'mock-chat', messages: [{ role: 'user', content: 'hello' }] }
    const init = { method: 'POST', headers, body: JSON.stringify(chat) }
    expect(await ask(server, '/v1/chat/completions', init)).toMatchObject({
      status: 200,
      body: { choices: [{ message: { content: 'Mocked.' } }] },
    })
  })
})

describe('MCP everything', () => {
  it('answers initialize with its name', async () => {
    const server = await started(startMcpEverything())
    const answer = await fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2025-06-18',
          capabilities: {},
          clientInfo: { name: 'switchgear tests', version: '1' },
        },
      }),
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('mcp-session-id')).toBeTruthy()
    expect(await answer.text()).toContain('"name":"mcp-servers/everything"')
  })
})

describe('the A2A agent', () => {
  it('shows its card, and says back what it is told', async () => {
    const server = await started(startA2aAgent())
    expect(await ask(server, '/.well-known/agent-card.json')).toMatchObject({
      status: 200,
      body: { name: 'Echo agent', supportedInterfaces: [{ url: `${server.url}/a2a` }] },
    })
    const message = { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'hello' }] }
    const said = await ask(server, '/a2a', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'a2a-version': '1.0' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params: { message } }),
    })
    expect(said.body).toMatchObject({ result: { message: { parts: [{ text: 'hello' }] } } })
  })
})

describe("Portkey's gateway", () => {
  it('says hey', async () => {
    const server = await started(startPortkey())
    expect(await (await fetch(server.url)).text()).toBe('AI Gateway says hey!')
    expect((await ask(server, '/v1/models')).status).toBe(400)
  })
})
