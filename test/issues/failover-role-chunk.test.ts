import { describe, expect, it } from 'vitest'
import { ServiceRegistry } from '../../src/index.js'
import { isContent } from '../../src/resolve/content.js'
import { FakeClock } from '../../src/testing/index.js'

interface Chunk {
  readonly choices: readonly {
    readonly delta: { readonly role?: string; readonly content?: string }
  }[]
}

const chunk = (delta: Chunk['choices'][number]['delta']): Chunk => ({ choices: [{ delta }] })
const role = chunk({ role: 'assistant', content: '' })

interface Llm {
  stream(): AsyncIterable<Chunk>
}

function registryOf(...providers: readonly Llm[]): ServiceRegistry<{ llm: Llm }> {
  const registry = new ServiceRegistry<{ llm: Llm }>({ clock: new FakeClock() })
  for (const [at, provider] of providers.entries())
    registry.register({ service: 'llm', name: `p${at}`, provider })
  return registry
}

async function read(stream: AsyncIterable<Chunk>): Promise<Chunk[]> {
  const chunks: Chunk[] = []
  for await (const one of stream) chunks.push(one)
  return chunks
}

describe('a stream that dies after its role chunk, before any text', () => {
  it('is replaced, and the reader sees one role chunk', async () => {
    const registry = registryOf(
      {
        async *stream() {
          yield role
          throw new TypeError('terminated')
        },
      },
      {
        async *stream() {
          yield role
          yield chunk({ content: 'hello' })
          yield chunk({ content: ' world' })
        },
      },
    )
    expect(await read(registry.client('llm').stream())).toEqual([
      role,
      chunk({ content: 'hello' }),
      chunk({ content: ' world' }),
    ])
    expect(registry.circuit('p0').stats.failures).toBe(1)
    expect(registry.circuit('p1').stats.successes).toBe(1)
  })

  it('is not replaced once text was handed on', async () => {
    const registry = registryOf(
      {
        async *stream() {
          yield role
          yield chunk({ content: 'hel' })
          throw new TypeError('terminated')
        },
      },
      {
        async *stream() {
          yield chunk({ content: 'never' })
        },
      },
    )
    await expect(read(registry.client('llm').stream())).rejects.toThrow('terminated')
    expect(registry.circuit('p1').stats.calls).toBe(0)
  })

  it('keeps the openings of a stream that has nothing else', async () => {
    const registry = registryOf({
      async *stream() {
        yield role
        yield role
      },
    })
    expect(await read(registry.client('llm').stream())).toEqual([role, role])
  })
})

describe('content', () => {
  it.each([
    ['a role chunk', role, false],
    ['a chunk with text', chunk({ content: 'a' }), true],
    ['a chunk with a tool call', { choices: [{ delta: { tool_calls: [{}] } }] }, true],
    ['a chunk with a finish reason', { choices: [{ delta: {}, finish_reason: 'stop' }] }, true],
    ['a usage chunk without choices', { choices: [], usage: {} }, false],
    ['message_start', { type: 'message_start' }, false],
    ['a text delta', { type: 'content_block_delta' }, true],
    ['a text', 'hello', true],
    ['an unknown object', { a: 1 }, true],
    ['null', null, true],
  ])('%s', (_, item, expected) => {
    expect(isContent(item)).toBe(expected)
  })
})
