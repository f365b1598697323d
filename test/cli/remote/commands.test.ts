import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { readFlags } from '../../../src/cli/flags.js'
import { accessFrom, remoteFlags } from '../../../src/cli/remote/access.js'
import { systemClock } from '../../../src/core/clock.js'
import { RegistryDouble } from '../../client/double.js'
import { createAuthority, hasOpenssl } from '../../core/certificates.js'
import { needs } from '../../house/needs.js'
import { Remembered, say } from '../terminal.js'
import { ask, serving } from './serving.js'

const forge = [
  ...['register', 'forge-1', '--service', 'llm', '--capability', 'chat@2'],
  ...['--capability', 'embed', '--location', 'http://127.0.0.1:9', '--version', '2.1'],
  ...['--metadata', 'region=eu', '--name', 'The Forge'],
]

it('registers, lists, gets and deregisters', async () => {
  const server = await serving()
  const registered = await ask(server, forge)
  expect(registered.exit).toBe(0)
  expect(registered.out).toMatch(/^Registered forge-1 at http:\/\/127\S+\nToken [\w-]{43}\n$/)
  expect(registered.err).toContain('shown only now')
  expect(server.operations.get('forge-1')).toMatchObject({
    name: 'The Forge',
    service: 'llm',
    version: '2.1',
    mode: 'http',
    location: 'http://127.0.0.1:9',
    capabilities: ['chat@2', 'embed'],
    metadata: { region: 'eu', service: 'llm' },
  })
  expect(await ask(server, 'list')).toEqual({
    exit: 0,
    err: '',
    out: [
      'ID       SERVICE  VERSION  STATUS   MODE  CAPABILITIES   LOCATION',
      'forge-1  llm      2.1      healthy  http  chat@2, embed  http://127.0.0.1:9',
      '',
    ].join('\n'),
  })
  expect((await ask(server, 'list capabilities')).out).toBe(
    [
      'CAPABILITY  VERSION  SERVICES  PROVIDERS',
      'chat        2        llm       forge-1',
      'embed       -        llm       forge-1',
      '',
    ].join('\n'),
  )
  const { out } = await ask(server, 'get forge-1')
  for (const line of [/^forge-1\n/, / name +The Forge\n/, / metadata region +eu\n/])
    expect(out).toMatch(line)
  expect(await ask(server, 'deregister forge-1')).toMatchObject({ exit: 0, err: '' })
  expect(server.operations.get('forge-1')).toBeUndefined()
  const gone = await ask(server, 'deregister forge-1')
  expect(gone).toMatchObject({ exit: 1, out: '' })
  expect(gone.err).toContain("nothing is registered as 'forge-1'")
})

it('writes the native record as JSON, of one and of all', async () => {
  const server = await serving()
  await ask(server, forge)
  const {
    telemetry: _,
    face: __,
    failedChecks: ___,
    ...entry
  } = {
    ...server.operations.get('forge-1'),
  }
  const one = JSON.parse((await ask(server, 'get forge-1 --json')).out)
  expect(one).toMatchObject(entry)
  expect(JSON.parse((await ask(server, 'list --json')).out)).toMatchObject([entry])
  expect(JSON.parse((await ask(server, 'resolve embed --json')).out)).toMatchObject(entry)
})

it('leaves those that fit a filter, also by what only agents have', async () => {
  const server = await serving()
  const agent = (id: string, agentType: 'scout' | 'worker', namespace: string) =>
    server.operations.register(
      {
        ...{ face: 'grpc', id, name: id, agentType, mode: 'grpc', location: '', namespace },
        ...{ capabilities: ['dig'], version: '1', cluster: 'local', metadata: {} },
      },
      {},
    )
  await agent('a', 'scout', 'north')
  await agent('b', 'worker', 'default')
  await ask(server, 'register c --capability dig@2 --service tools')
  const ids = async (filter: string) =>
    JSON.parse((await ask(server, `list --json ${filter}`)).out).map(({ id }: { id: string }) => id)
  expect(await ids('--type Scout')).toEqual(['a'])
  expect(await ids('--namespace north')).toEqual(['a'])
  expect(await ids('--service tools')).toEqual(['c'])
  expect(await ids('--capability dig')).toEqual(['a', 'b', 'c'])
  expect(await ids('--capability dig@2')).toEqual(['c'])
  expect(await ids('--status healthy')).toEqual(['a', 'b', 'c'])
  expect(await ids('--status inactive')).toEqual([])
  expect((await ask(server, 'list')).out).toMatch(/^ID .* MODE +TYPE +NAMESPACE +CAPABILITIES/)
  expect((await ask(server, 'list --service x')).err).toMatch(/^None of 3 registrations at http/)
})

it('fits the terminal, and shows nothing that one would obey', async () => {
  const double = await RegistryDouble.start()
  const evil = '\u001b[2Jevil\u0007'
  double.add({ id: 'x', name: evil, location: 'y'.repeat(200), metadata: { [evil]: evil } })
  const at = { urls: { rest: double.url } } as const
  const { out } = await ask(at, 'list', { columns: 60, colours: true })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
  for (const line of out.replace(/\u001b\[\d+m/g, '').split('\n'))
    expect(line.length).toBeLessThanOrEqual(60)
  for (const args of ['list', 'get x', 'list --json', 'get x --json', 'explain c'])
    expect((await ask(at, args)).out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  double.answerWith = (_, response) => {
    response.writeHead(400, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error: evil }))
    return true
  }
  const refused = await ask(at, 'register y')
  expect(refused.exit).toBe(1)
  expect(refused.err).toMatch(/could not register "y": it answered with status 400/)
  expect(refused.err.trimEnd()).not.toMatch(/\p{Cc}/u)
})

it('resolves to each in turn, or says where that is, or why there is nobody', async () => {
  const server = await serving()
  await ask(server, 'register a --capability chat --location http://127.0.0.1:9')
  await ask(server, 'register b --capability chat')
  const first = async () => (await ask(server, 'resolve chat')).out.split('\n')[0]
  expect([await first(), await first(), await first()]).toEqual(['a', 'b', 'a'])
  expect(await ask(server, 'resolve chat --location')).toMatchObject({
    exit: 1,
    err: "switchgear: 'b' has 'chat', and no location\n",
  })
  expect(await ask(server, 'resolve chat --location')).toEqual({
    exit: 0,
    out: 'http://127.0.0.1:9\n',
    err: '',
  })
  const near = await ask(server, 'resolve chatt')
  expect([near.exit, near.out]).toEqual([1, ''])
  expect(near.err).toMatch(/^switchgear: nobody at \S+ has 'chatt'; did you mean 'chat'\?\n$/)
  for (const id of ['a', 'b']) server.registry.updateFromHealth(id, { status: 'unhealthy' })
  const unwell = await ask(server, 'resolve chat')
  expect(unwell.exit).toBe(1)
  expect(unwell.err).toMatch(/none of 2 registrations .* is well; switchgear explain chat says why/)
})

it('tells a message that arrived from one that did not', async () => {
  const server = await serving()
  await ask(server, 'register a --capability chat')
  const args = ['notify', 'a', '--type', 'ALERT', '--message', '{"x": 1}', '--metadata', 'k=v']
  const nowhere = await ask(server, args)
  expect([nowhere.exit, nowhere.out]).toEqual([1, ''])
  expect(nowhere.err).toMatch(/not delivered to 'a': it has no open stream and no endpoint/)
  expect(nowhere.err).not.toContain('/v1/')

  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const notices = server.operations.notices('a', {}, stop.signal)
  expect(await ask(server, args)).toEqual({ exit: 0, out: 'Delivered to a\n', err: '' })
  expect((await notices.next()).value).toMatchObject({
    ...{ agentId: 'a', type: 'ALERT', message: '{"x": 1}', metadata: { k: 'v' } },
  })
  const piped = { input: async () => 'from a pipe' }
  expect((await ask(server, 'notify a --message - --json', piped)).exit).toBe(0)
  expect((await notices.next()).value).toMatchObject({ type: 'INFO', message: 'from a pipe' })
  expect((await ask(server, 'notify b --message hi')).err).toContain("did you mean 'a'?")
})

it('is alive by a heartbeat, and says who is not there', async () => {
  const server = await serving()
  await ask(server, 'register a')
  server.registry.updateFromHealth('a', { status: 'unhealthy' })
  expect(await ask(server, 'heartbeat a')).toEqual({
    ...{ exit: 0, err: '', out: `a is healthy; ${server.urls.rest} was told\n` },
  })
  expect(server.operations.get('a')?.status).toBe('healthy')
  const figures = '--success-rate 0.4 --avg-duration-ms 150 --executions 10'
  const told = await ask(server, `heartbeat a ${figures} --json`)
  expect(JSON.parse(told.out)).toMatchObject({ id: 'a', status: 'degraded' })
  expect(server.operations.get('a')).toMatchObject({
    status: 'degraded',
    telemetry: {
      ...{ successRate: 0.4, avgDurationMs: 150, totalExecutions: 10, failedExecutions: 6 },
    },
  })
  expect((await ask(server, 'get a')).out).toMatch(/ executions +10, 150 ms each\n/)
  const nobody = await ask(server, 'heartbeat aa')
  expect([nobody.exit, nobody.out]).toEqual([1, ''])
  expect(nobody.err).toMatch(/nothing is registered as 'aa' at .*; did you mean 'a'\?/)
})

it('shows the token it is given, and says what to do without', async () => {
  const server = await serving({ token: 'operator' })
  const refused = await ask(server, 'list')
  expect(refused).toMatchObject({ exit: 1, out: '' })
  expect(refused.err).toMatch(/asks for a token; give it with --token-file FILE, --token/)
  const wrong = await ask(server, 'register a --token wrong')
  expect(wrong.err).toMatch(/does not take this token for that/)
  expect(wrong.err).not.toContain('wrong')
  const env = { REGISTRY_URL: server.urls.rest, REGISTRY_TOKEN: 'operator' }
  const { out } = await ask(server, 'register a --json', { env })
  const { token } = JSON.parse(out)
  expect(token).toMatch(/^[\w-]{43}$/)
  expect((await ask(server, ['heartbeat', 'a', '--token', token])).exit).toBe(0)
  expect((await ask(server, ['list', '--token', token])).exit).toBe(1)
  expect((await ask(server, ['deregister', 'a', '--token', token])).exit).toBe(0)
})

it('says what to do where no registry is', async () => {
  const nowhere = { urls: { rest: 'http://127.0.0.1:1' } } as const
  for (const args of ['list', 'register a', 'watch']) {
    const said = await ask(nowhere, args)
    expect(said).toMatchObject({ exit: 3, out: '' })
    expect(said.err).toMatch(/^switchgear: nothing listens at .*switchgear serve.*--url\n$/)
  }
  const other = await RegistryDouble.start()
  const at = { urls: { rest: other.url } } as const
  other.answerWith = (_, response) => {
    response.writeHead(404).end('<html>')
    return true
  }
  expect(await ask(at, 'list')).toMatchObject({
    exit: 3,
    err: `switchgear: ${other.url} is no registry: it has no list of what is registered; check --url\n`,
  })
  other.answerWith = (_, response) => {
    response.end('<html>')
    return true
  }
  expect(await ask(at, 'list')).toMatchObject({ exit: 3, err: expect.stringContaining('check') })
})

it('asks once for what will not be different in a moment, and shows no more than may be seen', async () => {
  const double = await RegistryDouble.start()
  const at = { urls: { rest: double.url } } as const
  const statuses: Record<string, number> = {
    ...{ '/v1/choose': 503, '/v1/notices/a': 503, '/v1/providers': 401, '/api/services': 401 },
  }
  double.answerWith = ({ path }, response) => {
    const status = statuses[path]
    if (status !== undefined) response.writeHead(status).end('{"error": "no"}')
    return status !== undefined
  }
  expect((await ask(at, 'notify a --message hi')).exit).toBe(1)
  expect((await ask(at, 'resolve chat')).err).toContain('asks for a token')
  expect(double.count('GET', '/v1/choose')).toBe(1)
  expect(double.count('POST', '/v1/notices/a')).toBe(1)
  expect(await ask(at, 'heartbeat a')).toEqual({
    exit: 1,
    out: '',
    err: `switchgear: nothing is registered as 'a' at ${double.url}\n`,
  })
})

it('works with a registry that has no native routes', async () => {
  const double = await RegistryDouble.start()
  double.answerWith = ({ path }, response) => {
    const isNative = path.startsWith('/v1/')
    if (isNative) response.writeHead(404).end()
    return isNative
  }
  const at = { urls: { rest: double.url } } as const
  expect((await ask(at, 'register a --capability chat')).exit).toBe(0)
  expect((await ask(at, 'list')).out).toMatch(/\na +a +1\.0\.0 +healthy +standalone +chat/)
  expect((await ask(at, 'get a')).out).toMatch(/^a\n/)
  expect((await ask(at, 'resolve chat')).out).toMatch(/^a\n/)
  expect((await ask(at, 'resolve other')).err).toContain("has 'other'")
  expect((await ask(at, 'heartbeat a')).out).toBe(`a is alive; ${double.url} was told\n`)
  const figures = '--success-rate 1 --avg-duration-ms 1 --executions 1'
  expect((await ask(at, `heartbeat a ${figures}`)).err).toContain('and no telemetry')
  expect((await ask(at, `heartbeat b ${figures}`)).err).toContain("registered as 'b'")
  expect((await ask(at, 'deregister a')).exit).toBe(0)
})

it('asks over https, with an authority and a certificate that are named', async (context) => {
  needs(context, hasOpenssl, 'openssl')
  const authority = createAuthority()
  onTestFinished(() => authority.remove())
  const folder = await mkdtemp(join(tmpdir(), 'switchgear-tls-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const mine = authority.issue('client')
  await writeFile(join(folder, 'ca.pem'), authority.ca)
  await writeFile(join(folder, 'cert.pem'), mine.cert)
  await writeFile(join(folder, 'key.pem'), mine.key)
  const tls = { ...authority.issue('server', 'DNS:localhost'), clientCa: authority.ca }
  const server = await serving({ tls })
  const at = { urls: { rest: server.urls.rest.replace('127.0.0.1', 'localhost') } }
  const show = '--tls-cert cert.pem --tls-key key.pem'
  expect((await ask(at, `register a --tls-ca ca.pem ${show}`, { folder })).exit).toBe(0)
  const watched = ask(at, `watch --count 1 --tls-ca ca.pem ${show}`, {
    folder,
    err: () => void ask(at, `register b --tls-ca ca.pem ${show}`, { folder }),
  })
  expect((await watched).exit).toBe(0)
  expect(await ask(at, `list ${show}`, { folder })).toMatchObject({ exit: 3, out: '' })
  expect(await ask(at, 'list --tls-cert cert.pem', { folder })).toMatchObject({ exit: 2 })
  expect((await ask(at, 'list --tls-ca none.pem', { folder })).err).toBe(
    'switchgear: --tls-ca none.pem cannot be read: there is no such file; give a file in PEM\n',
  )
})

it('asks the server that is named, else that of the environment, else reads a file', async () => {
  const [one, other] = [await serving(), await serving()]
  await ask(one, 'register of-one')
  await ask(other, 'register of-other')
  const registry = new Remembered()
  registry.real.register({ service: 's', name: 'of-file', provider: {} })
  const env = { REGISTRY_URL: one.urls.rest }
  const names = async (args: string, shell = {}) => {
    const { out } = await ask(one, `list --json ${args}`, { env: {}, ...shell })
    return JSON.parse(out).map(({ id, name }: Record<string, unknown>) => id ?? name)
  }
  expect(await names('')).toEqual(['of-one'])
  expect(await names(`--url ${other.urls.rest}`)).toEqual(['of-other'])
  expect(await names(`--url ${other.urls.rest.replace('http://', '')}/`)).toEqual(['of-other'])
  const file = async (args: string, variables = {}) =>
    JSON.parse((await say(`list --json ${args}`.trim(), { registry, env: variables })).out)
  expect(await file('--store r.json', env)).toMatchObject([{ name: 'of-file' }])
  expect(await file('')).toMatchObject([{ name: 'of-file' }])
  expect(await file('', { REGISTRY_URL: '' })).toMatchObject([{ name: 'of-file' }])
})

it('may ask the host that is named, wherever it is, and no other', async () => {
  const input = readFlags(['--url', 'https://93.184.216.34:5000/base/'], remoteFlags, 'list')
  const access = await accessFrom(input, { env: {}, folder: '/', clock: systemClock })
  expect(access).toMatchObject({ url: 'https://93.184.216.34:5000/base', timeoutMs: 5_000 })
  const check = (host: string) => access.policy?.check({ host, port: 443 })
  await expect(check('93.184.216.34')).resolves.toMatchObject({ hostname: '93.184.216.34' })
  await expect(check('93.184.216.35')).rejects.toThrow('Refused')
})

it.each([
  ['list --url http://x --store y', '--url names a server and --store a file; give one of them'],
  ['list --token x', '--token is for a server; give --url URL as well'],
  ['list --timeout 2s', '--timeout is for a server; give --url URL as well'],
  ['list --type worker', '--type is not for providers; see switchgear list --help'],
  ['list models --url x', 'a server has no models to list; --store PATH lists those of a file'],
  ['list --url x --handler y', '--handler is not for a server; see switchgear list --help'],
  ['list --url x --type y', "--type is one of worker, scout, guard, analyst; got 'y'"],
  ['list --url x --status loading', "--status is one of healthy, .*inactive; got 'loading'"],
  ['get a --model --url x', '--model is not for a server; --store PATH reads a file'],
  ['list --url ftp://x', '--url, or REGISTRY_URL: expected an http or https URL .*'],
  ['list --url grpc://x/y', '--url, or REGISTRY_URL: expected a URL such as grpc://.*'],
  ['list --url http://me:secret@x', '--url, or REGISTRY_URL: expected .*without user.*'],
  ['list --url x --token é', '--token, --token-file or REGISTRY_TOKEN: expected .*'],
  ['list --url x --token a --token-file b', 'give --token or --token-file, not both'],
  ['list --url x --timeout soon', '--timeout is a time such as .*'],
  ['register', 'register needs ID, as in: switchgear register ID; .*'],
  ['register a/b', 'ID: expected .* without "/"'],
  ['register a --mode http', '--location: mode http needs one, such as .*'],
  ['register a --mode grpc', "--mode is one of http, embedded, standalone; got 'grpc'"],
  ['register a --metadata secret', '--metadata needs KEY=VALUE, such as region=eu'],
  ['register a --heartbeat-timeout 5', '--heartbeat-timeout is for --keep; give that as well'],
  ['register a --keep --heartbeat-timeout 0', "--heartbeat-timeout is a number .*; got '0'"],
  ['heartbeat a --executions 3', 'give --success-rate, --avg-duration-ms, --executions together'],
  [
    'heartbeat a --success-rate 2 --avg-duration-ms 1 --executions 1',
    "--success-rate is a number from 0 to 1; got '2'",
  ],
  ['notify a', 'notify needs --message TEXT; see switchgear notify --help'],
  ['watch --count 0', "--count is a whole number of 1 or more; got '0'"],
  ['resolve', 'resolve needs CAPABILITY, .*'],
])('refuses %s', async (args, message) => {
  const said = await say(args)
  expect(said).toMatchObject({ exit: 2, out: '' })
  expect(said.err).toMatch(new RegExp(`^switchgear: ${message}\n$`))
  expect(said.err).not.toContain('secret')
})
