import { beforeEach, describe, expect, it } from 'vitest'
import { model, Remembered, say } from './terminal.js'

const store = '--store r.json'

let registry: Remembered

beforeEach(() => {
  registry = new Remembered()
  const { real } = registry
  real.register({
    service: 'llm',
    name: 'openai',
    provider: {},
    version: '1.4',
    address: 'https://user:pass@api.example/v1',
    capabilities: ['chat', { name: 'vision', version: '1.2' }],
  })
  real.register({
    service: 'llm',
    name: 'local',
    handler: 'Speak',
    provider: {},
    capabilities: [{ name: 'chat', version: '2.0' }],
  })
  real.register({ service: 'memory', name: 'disk', provider: {} })
})

describe('list', () => {
  it('is a table of providers, read without writing', async () => {
    const { exit, out, err, opened } = await say(`list ${store}`, { registry })
    expect([exit, err, opened]).toEqual([0, '', ['/work/r.json']])
    expect(out).toBe(
      [
        'NAME    SERVICE  VERSION  HEALTH   CIRCUIT  CAPABILITIES      ADDRESS',
        'openai  llm      1.4      unknown  closed   chat, vision@1.2  https://***@api.example/v1',
        'local   llm      -        unknown  closed   chat@2.0          -',
        'disk    memory   -        unknown  closed   -                 -',
        '',
      ].join('\n'),
    )
    expect((await say(`list providers ${store}`, { registry })).out).toBe(out)
    expect(registry.done).toEqual(['close', 'close'])
  })

  it.each([
    ['--service memory', ['disk']],
    ['--handler Other', ['openai', 'disk']],
    ['--capability vision', ['openai']],
    ['--capability chat@>=1', ['local']],
    ['--capability chat --min-version 1.5', ['local']],
    ['--status unknown', ['openai', 'local', 'disk']],
  ])('%s leaves %j', async (filter, names) => {
    const { exit, out } = await say(`list ${filter} --json ${store}`, { registry })
    expect(exit).toBe(0)
    expect(JSON.parse(out).map(({ name }: { name: string }) => name)).toEqual(names)
  })

  it.each([
    ['--status well', /--status is one of healthy, .*; got 'well'/],
    ['--min-version 1', /--min-version is of a capability; give --capability NAME as well/],
    ['--capability chat@never', /capability: .*range/],
    ['models --status healthy', /--status is not for models/],
    ['--provider openai', /--provider is not for providers/],
  ])('refuses %s', async (filter, message) => {
    const said = await say(`list ${filter} ${store}`, { registry })
    expect(said).toMatchObject({ exit: 2, out: '' })
    expect(said.err).toMatch(message)
  })

  it('fits the terminal, and is painted there', async () => {
    const { out } = await say(`list ${store}`, { registry, columns: 60, colours: true })
    expect(out).toContain('\u001b[')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    for (const line of out.replace(/\u001b\[\d+m/g, '').split('\n'))
      expect(line.length).toBeLessThanOrEqual(60)
  })

  it('says where it looked when there is nothing, and is no failure', async () => {
    const empty = await say(`list ${store}`)
    expect(empty).toMatchObject({ exit: 0, out: '' })
    for (const word of [
      'No providers in /work/r.json',
      'discover --save',
      'fileStore',
      'import',
      '--store',
    ])
      expect(empty.err).toContain(word)
    expect(await say(`list --json ${store}`)).toMatchObject({ exit: 0, out: '[]\n', err: '' })
    expect((await say(`list models ${store}`)).err).toContain('No models in /work/r.json')
    const none = await say(`list --service x ${store}`, { registry })
    expect(none).toMatchObject({
      exit: 0,
      out: '',
      err: 'None of 3 providers in /work/r.json matches.\n',
    })
  })

  it('closes the registry also when a filter is refused', async () => {
    await say(`list --capability chat@never ${store}`, { registry })
    expect(registry.done).toEqual(['close'])
  })

  it('shows nothing a terminal would obey', async () => {
    registry.real.register({ service: 'x', name: 'evil\u001b[2J\nname', provider: {} })
    const { out } = await say(`list ${store}`, { registry })
    expect(out).toContain('\nevil name')
    expect(out).not.toContain('\u001b')
  })
})

describe('list capabilities', () => {
  it('says who has which version', async () => {
    const { out } = await say(`list capabilities ${store}`, { registry })
    expect(out).toBe(
      [
        'CAPABILITY  VERSION  SERVICES  PROVIDERS',
        'chat        -        llm       openai',
        'chat        2.0      llm       local',
        'vision      1.2      llm       openai',
        '',
      ].join('\n'),
    )
    const json = await say(`list capabilities --service llm --json ${store}`, { registry })
    expect(JSON.parse(json.out)[1]).toEqual({
      name: 'chat',
      version: '2.0',
      services: ['llm'],
      providers: ['local'],
    })
    const none = await say(`list capabilities --service memory ${store}`, { registry })
    expect(none).toMatchObject({
      exit: 0,
      err: 'No capabilities among 1 provider in /work/r.json.\n',
    })
  })
})

describe('list models', () => {
  it('has context and costs, and filters', async () => {
    registry.known.push(
      model('gpt-x', { capabilities: ['chat'], costPer1k: { input: 0.0005, output: 0.002 } }),
      model('gpt-x', { provider: 'azure', contextLength: 128_000 }),
    )
    const { out } = await say(`list models ${store}`, { registry })
    expect(out).toBe(
      [
        'MODEL  PROVIDER  CONTEXT  IN $/1K  OUT $/1K  CAPABILITIES',
        'gpt-x  openai    4096     0.0005   0.002     chat',
        'gpt-x  azure     128000   -        -         -',
        '',
      ].join('\n'),
    )
    const chat = await say(`list models --capability chat --json ${store}`, { registry })
    expect(JSON.parse(chat.out)).toMatchObject([{ provider: 'openai' }])
    const azure = await say(`list models --provider azure --json ${store}`, { registry })
    expect(JSON.parse(azure.out)).toMatchObject([{ provider: 'azure' }])
    const none = await say(`list models --provider x ${store}`, { registry })
    expect(none.err).toBe('None of 2 models in /work/r.json matches.\n')
  })
})
