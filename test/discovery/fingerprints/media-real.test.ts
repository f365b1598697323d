import { afterEach, describe, expect, it } from 'vitest'
import { startA2aAgent } from '../../real/a2a.js'
import { type GradioApp, type GradioVersion, startGradio } from '../../real/gradio.js'
import { startMcpEverything } from '../../real/mcp-everything.js'
import { needsPython } from '../../real/python.js'
import type { RealServer } from '../../real/server.js'
import { fingerprintOf, questions, recognised } from './ask.js'

const timeout = 60_000
const running: RealServer[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
})

async function started(start: Promise<RealServer>): Promise<RealServer> {
  const server = await start
  running.push(server)
  return server
}

async function found({ url }: RealServer) {
  const { kind = '', recognition } = (await recognised(url)) ?? {}
  return { kind, recognition, told: await fingerprintOf(kind).describe(questions(url)) }
}

describe('real Gradio', () => {
  const start = (version: GradioVersion, app: GradioApp) => started(startGradio(version, app))

  it('3.34 with the page of RVC', { timeout }, async (context) => {
    needsPython(context, 'gradio-3.34')
    const { kind, told } = await found(await start('3.34', 'rvc'))
    expect(kind).toBe('rvc')
    expect(told.version, 'that of Gradio is not its own').toBeUndefined()
    expect(told).toMatchObject({
      models: [{ id: 'alto.pth' }, { id: 'tenor_v2.pth' }],
      capabilities: ['voice_cloning', 'audio_separation'],
      metadata: { gradio: expect.stringMatching(/^3\.34\.\d+$/) },
    })
  })

  it('3.50 with the page of AudioLDM', { timeout }, async (context) => {
    needsPython(context, 'gradio-3.50')
    const { kind, told } = await found(await start('3.50', 'audioldm'))
    expect(kind).toBe('audioldm')
    expect(told.models?.map(({ id }) => id)).toEqual([
      'audioldm-s-full',
      'audioldm-m-full',
      'audioldm-l-full',
    ])
    expect(told.capabilities).toMatchObject([
      { name: 'audio_generation', parameters: { duration: { min: 2.5, max: 10, default: 5 } } },
    ])
  })

  it('5.29 with the page of Wan2GP', { timeout }, async (context) => {
    needsPython(context, 'gradio-5.29')
    const { kind, told } = await found(await start('5.29', 'wangp'))
    expect(kind).toBe('wan2gp')
    expect(told).toMatchObject({
      version: '12.60',
      models: [{ id: 't2v_2_2', name: 'Text2Video' }],
      capabilities: ['video_generation', 'image_generation', 'audio_generation'],
      metadata: { notDownloaded: ['i2v_2_2'], appId: expect.stringMatching(/^\d+$/) },
    })
  })

  it.for(['3.34', '3.50', '4.44', '5.29', '6.30'] as const)(
    '%s with a page of nobody we know, and with a lock',
    { timeout: 2 * timeout },
    async (version, context) => {
      needsPython(context, `gradio-${version}`)
      const [plain, locked] = await Promise.all([start(version, 'plain'), start(version, 'locked')])
      const { kind, told } = await found(plain)
      expect(kind).toBe('gradio')
      expect(told.metadata).toMatchObject({
        title: 'Shouting room',
        gradio: expect.stringMatching(new RegExp(`^${version}\\.\\d+$`)),
        endpoints: ['/shout', '/repeat'],
      })
      expect(await recognised(locked.url)).toMatchObject({
        kind: 'gradio',
        recognition: { needsCredentials: true },
      })
    },
  )
})

describe('the real MCP server "everything"', () => {
  it('tells its tools, and has no session left after that', { timeout }, async () => {
    const everything = await started(startMcpEverything())
    const { kind, told } = await found(everything)
    expect(kind).toBe('mcp')
    expect(told.version).toMatch(/^\d+\.\d+/)
    expect(told.capabilities).toEqual(['tool_use', 'prompts', 'resources', 'completions'])
    expect(told.metadata?.tools).toContainEqual(expect.objectContaining({ name: 'echo' }))
    const count = (text: RegExp): number => everything.output().match(text)?.length ?? 0
    expect(count(/Session initialized with ID/g)).toBe(2)
    await expect.poll(() => count(/Transport closed for session/g)).toBe(2)
  })
})

describe('a real A2A agent', () => {
  it('is described by its card', { timeout }, async () => {
    const { kind, told } = await found(await started(startA2aAgent()))
    expect(kind).toBe('a2a')
    expect(told).toMatchObject({
      version: '1.4.0',
      apiVersion: '1.0',
      capabilities: ['text_generation', 'streaming'],
      metadata: { name: 'Echo agent', skills: [{ id: 'echo', name: 'Echo' }] },
    })
  })
})
