import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { fingerprints } from '../../../src/discovery/fingerprints/all.js'
import { wants } from '../../house/needs.js'
import { root } from '../../house/sources.js'
import { fingerprintOf } from './ask.js'
import { program, type Said } from './in-memory.js'

/** Answers of the real programs, written down. They stand beside some checkouts only. */
const file = join(root, '../shared/facts/backends.json')

interface Row {
  readonly system: string
  readonly sampleResponses: Readonly<Record<string, unknown>>
}

const rows: readonly Row[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []

function sample(system: string, name: string): unknown {
  const { sampleResponses = {} } = rows.find((row) => row.system === system) ?? {}
  if (!Object.hasOwn(sampleResponses, name)) throw new Error(`${system} has no ${name}`)
  return sampleResponses[name]
}

/** A sample is a body, unless it says with which status it came. */
function said(sampled: unknown): Said {
  if (typeof sampled !== 'object' || sampled === null || !('__status' in sampled))
    return { json: sampled }
  const { __status, __headers = {}, __body } = sampled as Wrapped
  const head = { status: __status, headers: __headers }
  return typeof __body === 'string' ? { ...head, text: __body } : { ...head, json: __body }
}

interface Wrapped {
  readonly __status: number
  readonly __headers?: Readonly<Record<string, string>>
  readonly __body?: unknown
}

/** A program that has one answer, or the samples of a system as they are named. */
const answering = (path: string, system: string, name = path) =>
  program((question) => (question === `GET ${path}` ? said(sample(system, name)) : undefined))

const replay = (system: string) =>
  program((question) => {
    const samples = rows.find((row) => row.system === system)?.sampleResponses ?? {}
    const name = question.replace(/^GET /, '')
    return Object.hasOwn(samples, name) ? said(samples[name]) : undefined
  })

async function kindOf(asking: ReturnType<typeof program>): Promise<string | undefined> {
  for (const { kind, recognise } of fingerprints)
    if ((await recognise(asking)) !== undefined) return kind
  return undefined
}

const recorded: readonly (readonly [kind: string, path: string, system: string, name: string])[] = [
  ['comfyui', '/system_stats', 'comfyui', '/system_stats'],
  ['comfyui', '/system_stats', 'comfyui', '/system_stats#cpu'],
  ['wan2gp', '/config', 'wan2gp', '/config'],
  ['wan2gp', '/config', 'gradio', '/config#6.25'],
  ['rvc', '/config', 'rvc', '/config'],
  ['rvc', '/config', 'gradio', '/config#3.14'],
  ['audioldm', '/config', 'audioldm', '/config'],
  ['audioldm', '/config', 'audioldm', '/config#audioldm2'],
  ['gradio', '/config', 'gradio', '/config#auth-3-5'],
  ['gradio', '/config', 'gradio', '/config#auth-6'],
  ['automatic1111', '/sdapi/v1/sd-models', 'automatic1111', '/sdapi/v1/sd-models'],
  ['a2a', '/.well-known/agent-card.json', 'a2a-agent', '/.well-known/agent-card.json'],
  ['a2a', '/.well-known/agent-card.json', 'a2a-agent', '/.well-known/agent-card.json#v0.3'],
]

describe('what real programs answered', () => {
  beforeEach((context) => wants(context, rows.length > 0, '../shared/facts/backends.json'))

  it.each(recorded)('is %s (%s of %s: %s)', async (kind, path, system, name) => {
    expect(await kindOf(answering(path, system, name))).toBe(kind)
  })

  it('is comfyui with pictures and films, and with no sounds', async () => {
    const { capabilities, models } = await fingerprintOf('comfyui').describe(replay('comfyui'))
    const names = capabilities?.map((one) => (typeof one === 'string' ? one : one.name))
    expect(models).toHaveLength(5)
    expect(names).toEqual(expect.arrayContaining(['image_generation']))
    expect(names).not.toContain('audio_generation')
  })

  it('is wan2gp with the version of its heading and the models that are there', async () => {
    expect(await fingerprintOf('wan2gp').describe(replay('wan2gp'))).toMatchObject({
      version: '12.60',
      models: [{ id: 't2v_2_2', capabilities: ['video_generation'] }],
      capabilities: ['video_generation', 'image_generation', 'audio_generation', 'text_to_speech'],
    })
  })

  it('is an MCP server, once greeted and once discovered', async () => {
    for (const name of ['POST /mcp initialize', 'POST /mcp server/discover']) {
      const answer = said(sample('mcp-server', name))
      const text = (answer.text ?? JSON.stringify(answer.json))
        .replaceAll('"id":1', '"id":"describe-initialize"')
        .replaceAll('"discover-1"', '"discover"')
      const asking = program((question) =>
        question === 'POST /mcp'
          ? { ...(answer.headers && { headers: answer.headers }), text }
          : undefined,
      )
      const { capabilities } = await fingerprintOf('mcp').describe(asking)
      expect(capabilities).toEqual(expect.arrayContaining(['tool_use', 'resources']))
    }
  })
})
