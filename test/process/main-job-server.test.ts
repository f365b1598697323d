import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import OpenAI from 'openai'
import { describe, expect, it, onTestFinished } from 'vitest'
import { root } from '../house/sources.js'

/** The example server as the main job runs it, and an official client of it. */
async function start(port = 0) {
  const child = fork(join(root, 'docs/examples/main-job/openai-server.js'), [String(port)], {
    execArgv: [],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [message] = (await once(child, 'message')) as [{ port: number }]
  const baseURL = `http://127.0.0.1:${message.port}/v1`
  return { child, ...message, client: new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 }) }
}

const question = {
  model: 'example-chat',
  messages: [{ role: 'user' as const, content: 'Why are there tides?' }],
}

describe('the example server', () => {
  it('lists models', async () => {
    const { client } = await start()
    const { data } = await client.models.list()
    expect(data[0]).toMatchObject({ id: 'example-chat', object: 'model', owned_by: 'example' })
  })

  it('completes a chat', async () => {
    const { client } = await start()
    const { data, response } = await client.chat.completions.create(question).withResponse()
    expect(data).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      model: 'example-chat',
      system_fingerprint: expect.stringMatching(/^fp_/),
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant' } }],
    })
    expect(data.choices[0]?.message.content).toMatch(/\w+ .*\.$/)
    const { prompt_tokens = 0, completion_tokens = 0, total_tokens } = data.usage ?? {}
    expect(total_tokens).toBe(prompt_tokens + completion_tokens)
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
    const short = await client.chat.completions.create({ ...question, max_completion_tokens: 2 })
    expect(short.choices[0]?.finish_reason).toBe('length')
    expect(short.usage?.completion_tokens).toBe(2)
  })

  it('streams role, content, the end and usage', async () => {
    const { client } = await start()
    const stream = await client.chat.completions.create({
      ...question,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks: OpenAI.ChatCompletionChunk[] = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks[0]?.choices[0]?.delta).toMatchObject({ role: 'assistant', content: '' })
    expect(chunks.at(-2)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' })
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { total_tokens: expect.any(Number) },
    })
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toMatch(/\.$/)
  })

  it('fails and limits on command, and recovers', async () => {
    const { child, client } = await start()
    // Messages overtake requests, so the answer is polled until it is the one that was ordered.
    const refusal = (status: number) =>
      expect
        .poll(() => client.chat.completions.create(question).catch((error) => error), {
          timeout: 10_000,
        })
        .toMatchObject({ status })
    child.send({ answer: 500 })
    await refusal(500)
    child.send({ answer: 429 })
    await refusal(429)
    const error = await client.chat.completions.create(question).catch((reason) => reason)
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    expect(error).toMatchObject({ code: 'rate_limit_exceeded', type: 'requests' })
    expect(error.headers.get('retry-after')).toBe('1')
    child.send({ answer: 200 })
    await expect
      .poll(() => client.chat.completions.create(question).catch((reason) => reason), {
        timeout: 10_000,
      })
      .toMatchObject({ object: 'chat.completion' })
  })

  it('refuses what is no chat', async () => {
    const { port } = await start()
    const post = (path: string, body: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body })
    for (const body of ['{', 'null', '{"messages":[]}', '{"model":"m","messages":[]}']) {
      const response = await post('/v1/chat/completions', body)
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
    }
    expect((await post('/v1/chat/completions', 'x'.repeat(1_000_001))).status).toBe(413)
    expect((await post('/v1/embeddings', '{}')).status).toBe(404)
  })

  it('comes back on its port after SIGKILL, and ends with its parent', async () => {
    const { child, port } = await start()
    child.kill('SIGKILL')
    await once(child, 'exit')
    const again = await start(port)
    expect(again.port).toBe(port)
    again.child.disconnect()
    expect(await once(again.child, 'exit')).toEqual([0, null])
  })
})
