import { describe, expect, it } from 'vitest'
import type { Routes } from '../../../src/testing/backends/route.js'
import { fake, fingerprintOf, questions, recognised } from './ask.js'

const mcp = fingerprintOf('mcp')

describe('an MCP server', () => {
  it.each([
    [undefined, '2025-11-25'],
    ['stateless', '2026-07-28'],
  ])('tells its tools, page by page (%s)', async (variant, apiVersion) => {
    const { url } = await fake('mcp', { variant })
    expect(await recognised(url)).toEqual({
      kind: 'mcp',
      recognition: {
        evidence: `POST /mcp greets as marsh-tools with MCP ${apiVersion}`,
        version: '2.3.0',
      },
    })
    expect(await mcp.describe(questions(url))).toEqual({
      version: '2.3.0',
      apiVersion,
      capabilities: ['tool_use', 'prompts', 'resources'],
      metadata: {
        name: 'marsh-tools',
        title: 'Tools of the marsh',
        tools: [
          { name: 'measure', title: 'Measure', description: 'Measures a thing.' },
          { name: 'weigh', description: 'Weighs a thing.' },
        ],
      },
    })
  })

  it('ends each session that it began', async () => {
    const { url, requests } = await fake('mcp')
    const asking = questions(url)
    await mcp.recognise(asking)
    await mcp.describe(asking)
    const visit = ['POST /mcp', 'POST /mcp']
    const list = ['POST /mcp', 'POST /mcp']
    expect(requests).toEqual([
      'GET /mcp',
      'POST /mcp', // which newer servers would have understood
      ...[...visit, 'DELETE /mcp'],
      ...[...visit, ...list, 'DELETE /mcp'],
    ])
  })

  it('wants credentials behind OAuth, and gets no POST', async () => {
    const { url, requests } = await fake('mcp', { variant: 'locked' })
    expect(await mcp.recognise(questions(url))).toMatchObject({ needsCredentials: true })
    expect(requests).toEqual(['GET /mcp'])
  })

  it('wants credentials where it says so in JSON-RPC', async () => {
    const { url, requests } = await fake('mcp', {
      routes: {
        'GET /mcp': { status: 401, json: { jsonrpc: '2.0', error: { code: -32_001 }, id: null } },
      },
    })
    expect(await mcp.recognise(questions(url))).toMatchObject({ needsCredentials: true })
    expect(requests).toEqual(['GET /mcp'])
  })

  it('is recognised where GET is told to post', async () => {
    const { url } = await fake('mcp', { variant: 'post-only' })
    expect((await recognised(url))?.kind).toBe('mcp')
  })
})

describe('nothing is posted to a server that does not sound like MCP', () => {
  const others: Readonly<Record<string, Routes>> = {
    'has no such path': { 'GET /mcp': { status: 404, text: 'Cannot GET /mcp' } },
    'answers everything with a page': {
      'GET /mcp': { contentType: 'text/html', text: '<!doctype html>' },
    },
    'answers everything with an object': { 'GET /mcp': { json: { jsonrpc: '2.0', error: {} } } },
    fails: { 'GET /mcp': { status: 500, json: { error: 'text/event-stream' } } },
    'takes posts everywhere': {
      'GET /mcp': { status: 405, headers: { Allow: 'POST' } },
      'GET /': { status: 405, headers: { Allow: 'POST' } },
    },
    'knows no method here': { 'GET /mcp': { status: 405, json: { detail: 'Method Not Allowed' } } },
  }

  it.each(Object.entries(others))('that %s', async (_, routes) => {
    const { url, requests } = await fake('gradio', { routes })
    expect(await mcp.recognise(questions(url))).toBeUndefined()
    expect(requests.filter((one) => !one.startsWith('GET '))).toEqual([])
  })
})

describe('an odd MCP server', () => {
  const greeting = {
    protocolVersion: '2025-06-18',
    capabilities: { tools: {} },
    serverInfo: { name: 'odd' },
  }
  const answering = (answer: (method: string, params: unknown) => unknown): Routes => ({
    'POST /mcp': ({ json }) => {
      const { id, method, params } = json as { id: unknown; method: string; params: unknown }
      return { json: { jsonrpc: '2.0', id, result: answer(method, params) } }
    },
  })
  const describeOdd = async (routes: Routes) => {
    const { url, requests } = await fake('mcp', { routes })
    return { told: await mcp.describe(questions(url)), requests }
  }

  it('whose list has no end is left after some pages', async () => {
    let page = 0
    const { told, requests } = await describeOdd(
      answering((method) => {
        page += 1
        return method === 'tools/list'
          ? { tools: [{ name: `tool-${page}` }], nextCursor: `page-${page}` }
          : greeting
      }),
    )
    expect(told.metadata?.tools).toHaveLength(50)
    expect(requests.length).toBeLessThan(60)
  })

  it('whose pages go in a circle is left', async () => {
    const { told, requests } = await describeOdd(
      answering((method) =>
        method === 'tools/list' ? { tools: [{ name: 'same' }], nextCursor: 'here' } : greeting,
      ),
    )
    expect(told.metadata?.tools).toEqual([{ name: 'same' }])
    expect(requests.length).toBeLessThan(8)
  })

  it('that lists no tools has none, and one that cannot list them is believed', async () => {
    const none = await describeOdd(
      answering((method) => (method === 'tools/list' ? { tools: [] } : greeting)),
    )
    expect(none.told.capabilities).toEqual([])
    const mute = await describeOdd(
      answering((method) => (method === 'tools/list' ? null : greeting)),
    )
    expect(mute.told.capabilities).toEqual(['tool_use'])
  })

  it('that answers another question than was asked is not understood', async () => {
    const { url } = await fake('mcp', {
      routes: { 'POST /mcp': { json: { jsonrpc: '2.0', id: 'other', result: greeting } } },
    })
    expect(await mcp.recognise(questions(url))).toBeUndefined()
  })
})
