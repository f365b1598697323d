import { describe, expect, it } from 'vitest'
import { model, Remembered, say } from './terminal.js'

const store = '--store r.json'

function remembered(): Remembered {
  const registry = new Remembered()
  registry.real.register({
    service: 'llm',
    name: 'openai',
    provider: {},
    version: '1.4',
    apiVersion: '1.0',
    handler: ['Speak', 'Think'],
    priority: 'high',
    address: 'https://user:pass@api.example/v1',
    capabilities: ['chat', { name: 'vision', version: '1.2' }],
    models: ['gpt-x'],
    dependencies: ['proxy'],
    metadata: { region: 'eu', apiKey: 'sk-secret', 'odd\u001b[2Jkey': { a: [1] } },
  })
  registry.real.register({ service: 'llm', name: 'local', provider: {} })
  return registry
}

describe('get', () => {
  it('says everything about a provider, secrets hidden', async () => {
    const { exit, out, err, opened } = await say(`get openai ${store}`, { registry: remembered() })
    expect([exit, err, opened]).toEqual([0, '', ['/work/r.json']])
    for (const line of [
      /^openai\n/,
      /^ {2}service +llm$/m,
      /^ {2}handlers +Speak, Think$/m,
      /^ {2}version +1\.4$/m,
      /^ {2}api version +1\.0$/m,
      /^ {2}address +https:\/\/\*\*\*@api\.example\/v1$/m,
      /^ {2}circuit +closed$/m,
      /^ {2}chosen by +fallback, group 0, priority high$/m,
      /^ {2}capabilities +chat, vision@1\.2$/m,
      /^ {2}models +gpt-x$/m,
      /^ {2}depends on +proxy$/m,
      /^ {2}metadata region +eu$/m,
      /^ {2}metadata apiKey +\*\*\*$/m,
      /^ {2}metadata oddkey +\{"a":\[1\]\}$/m,
      /^ {2}origin +manual$/m,
    ])
      expect(out).toMatch(line)
    expect(out).not.toMatch(/sk-secret|pass/)
  })

  it('says why a circuit is open', async () => {
    const registry = remembered()
    registry.real.circuit('openai').trip(5_000, 'quota \u001b[2Jspent')
    registry.real.circuit('local').isolate()
    const open = await say(`get openai ${store}`, { registry })
    expect(open.out).toMatch(/circuit +open, quota spent, may be tried in 5 s\n/)
    const isolated = await say(`get local ${store}`, { registry })
    expect(isolated.out).toMatch(/circuit +open, .*until it is reset\n/)
  })

  it('is the whole view as JSON', async () => {
    const registry = remembered()
    const { out } = await say(`get openai --json ${store}`, { registry })
    expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify(registry.get('openai'))))
  })

  it.each([
    ['opnai', "no provider 'opnai' in /work/r.json; did you mean 'openai'?"],
    ['nothing-like-it', "no provider 'nothing-like-it' in /work/r.json; there are openai, local"],
    ['gpt-x', 'a model has that name: switchgear get --model gpt-x'],
  ])('fails on the unknown %s', async (name, message) => {
    const registry = remembered()
    registry.known.push(model('gpt-x'))
    const said = await say(['get', name, '--store', 'r.json'], { registry })
    expect(said).toMatchObject({ exit: 1, out: '' })
    expect(said.err).toContain(message)
  })

  it('fails with a hint where there is nothing at all, or a lot', async () => {
    const empty = await say(`get x ${store}`)
    expect(empty.err).toContain('there are none; --store PATH looks elsewhere')
    const registry = new Remembered()
    for (let at = 10; at < 22; at++)
      registry.real.register({ service: 's', name: `provider-${at}`, provider: {} })
    const { err } = await say(`get x ${store}`, { registry })
    expect(err).toMatch(/there are provider-10, .*provider-17 and 4 more\n$/)
  })

  it('says what is known of a model, and by whom, for each provider that has it', async () => {
    const registry = remembered()
    registry.known.push(
      model('gpt-x', {
        name: 'GPT X',
        aliases: ['x'],
        capabilities: ['chat'],
        lacks: ['vision'],
        contextLength: 128_000,
        costPer1k: { input: 0.0005 },
        provenance: { contextLength: { kind: 'catalogue', source: 'litellm', at: 0 } },
      }),
      model('gpt-x', { provider: 'azure' }),
    )
    const { exit, out } = await say(`get --model x ${store}`, { registry })
    expect(exit).toBe(0)
    for (const line of [
      /^ {2}can +chat$/m,
      /^ {2}cannot +vision$/m,
      /^ {2}context +128000 tokens$/m,
      /^ {2}input costs +\$0\.0005 for 1,000 tokens$/m,
      /^ {2}contextLength from +litellm, catalogue, 1970-01-01T00:00:00\.000Z$/m,
    ])
      expect(out).toMatch(line)
    const both = await say(`get --model gpt-x ${store}`, { registry })
    expect(both.out).toMatch(
      /\n\ngpt-x\n {2}provider {2}azure\n {2}context {3}4096 tokens, as nobody has said\n$/,
    )
    const json = await say(`get --model gpt-x --json ${store}`, { registry })
    expect(JSON.parse(json.out)).toHaveLength(2)
    const unknown = await say(`get --model gpt-y ${store}`, { registry })
    expect(unknown).toMatchObject({
      exit: 1,
      err: "switchgear: no model 'gpt-y' in /work/r.json; did you mean 'gpt-x'?\n",
    })
  })
})
