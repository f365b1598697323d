import OpenAI, { AzureOpenAI } from 'openai'
import { describe, expect, it } from 'vitest'
import { knownWithSignal } from '../../src/resolve/openai.js'

const { signal } = new AbortController()
const client = new OpenAI({ apiKey: 'sk-test' })
const withSignal = knownWithSignal(client)

describe('what is known of the openai client', () => {
  it('is known of it, its subclasses and other copies of it', () => {
    expect(withSignal).toBeTypeOf('function')
    const azure = new AzureOpenAI({ apiKey: 'x', endpoint: 'http://localhost', apiVersion: '1' })
    expect(knownWithSignal(azure)).toBeTypeOf('function')
    class Mine extends OpenAI {}
    expect(knownWithSignal(new Mine({ apiKey: 'x' }))).toBeTypeOf('function')
    const copy = new (class OpenAI {
      chat = {}
      baseURL = ''
    })()
    expect(knownWithSignal(copy)).toBeTypeOf('function')
  })

  it('is known of nothing else', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    for (const other of [undefined, {}, { chat: {}, baseURL: '' }, Object.create(null), proxy])
      expect(knownWithSignal(other as object | undefined)).toBeUndefined()
  })
})

describe('the signal of a call', () => {
  it.each([
    'chat.completions.create',
    'chat.completions.parse',
    'chat.completions.stream',
    'responses.create',
    'embeddings.create',
    'images.generate',
    'images.edit',
    'audio.speech.create',
  ])('is an option of %s', (method) => {
    const body = Object.freeze({ model: 'm' })
    const [given, options, ...rest] = withSignal?.(method, [body], signal) ?? []
    expect(given).toBe(body)
    expect(options).toEqual({ signal })
    expect((options as { signal: unknown }).signal).toBe(signal)
    expect(rest).toEqual([])
  })

  it('goes together with the options and the signal of the user', () => {
    const own = new AbortController()
    const headers = Object.freeze({ a: 'b' })
    const options = Object.freeze({ headers, signal: own.signal, maxRetries: 1 })
    const args = withSignal?.('chat.completions.create', [{}, options, 'third'], signal) ?? []
    const both = args[1] as { signal: AbortSignal; headers: object; maxRetries: number }
    expect(both).toMatchObject({ maxRetries: 1 })
    expect(both.headers).toBe(headers)
    expect(args[2]).toBe('third')
    expect(both.signal.aborted).toBe(false)
    own.abort('mine')
    expect(both.signal).toMatchObject({ aborted: true, reason: 'mine' })
    expect(options.signal).toBe(own.signal)
  })

  it.each([
    ['models.list', [{}]],
    ['chat.completions.create', ['an id']],
    ['chat.completions.create', []],
    ['chat.completions.create', [null]],
    ['recreate', [{}]],
    ['files.content', ['id', {}]],
  ])('leaves %s%j alone', (method, args) => {
    expect(withSignal?.(method, args, signal)).toBe(args)
  })
})
