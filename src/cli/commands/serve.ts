import { type Clock, whenAborted } from '../../core/clock.js'
import { loadGrpc } from '../../core/grpc.js'
import type { Logger } from '../../core/logger.js'
import type {
  GrpcFaceOptions,
  RegistryServer,
  ServerOptions,
  ServerTls,
} from '../../server/index.js'
import type { Store } from '../../store/store.js'
import { cleanLines } from '../clean.js'
import { type Command, operands } from '../command.js'
import { Failure, usage } from '../failure.js'
import type { Input } from '../flags.js'
import { serverLog } from '../server-log.js'
import type { ExitCode, Shell } from '../shell.js'
import { storePath } from '../store-path.js'
import { textIn } from '../text-file.js'
import { tokenOf } from '../token.js'

export const serve: Command = {
  name: 'serve',
  operands: '',
  about:
    'Serves a registry to programs of any language, over REST, server-sent events\nand gRPC, until it is interrupted. Whoever can connect from elsewhere needs a\ntoken.',
  flags: {
    host: { value: 'HOST', about: 'where to listen (REGISTRY_HOST; default 127.0.0.1)' },
    port: { value: 'PORT', about: 'on which port, 0 for any (REGISTRY_PORT; default 5000)' },
    'grpc-port': {
      value: 'PORT',
      about: 'on which port agents are served over gRPC (SERVICE_REGISTRY_PORT; default 50051)',
    },
    'no-grpc': { about: 'REST alone' },
    'tls-cert': { value: 'FILE', about: 'certificate of REST and gRPC, in PEM' },
    'tls-key': { value: 'FILE', about: 'its key, in PEM' },
    'tls-client-ca': {
      value: 'FILE',
      about: 'serve only clients with a certificate of this authority',
    },
    store: {
      value: 'STORE',
      about: 'memory, file:PATH or redis://HOST (REGISTRY_STORE, REDIS_URL; default a file)',
    },
    token: { value: 'TOKEN', about: 'who changes or reads needs it (REGISTRY_TOKEN)' },
    'token-file': { value: 'FILE', about: 'the same, read from a file' },
    'open-reads': { about: 'anybody may read' },
    insecure: { about: 'anybody who can connect may do anything' },
    'health-check-interval': {
      value: 'SECONDS',
      about: 'between checks of a location (HEALTH_CHECK_INTERVAL; default 30)',
    },
    'heartbeat-timeout': {
      value: 'SECONDS',
      about: 'until a silent agent is unhealthy (HEARTBEAT_TIMEOUT; default 60)',
    },
    'rest-dialect': {
      value: 'DIALECT',
      about: 'readme: status is healthy; code: status is active (default readme)',
    },
    'allowed-origins': {
      value: 'LIST',
      about: 'origins of pages that may read, with commas between (ALLOWED_ORIGINS)',
    },
    'allowed-locations': {
      value: 'LIST',
      about: 'names and networks besides private ones, with commas between',
    },
    discover: { about: 'look for local back ends, and keep them listed' },
    debug: { about: 'log more (REGISTRY_DEBUG)' },
  },
  async run(shell, input) {
    operands(input, serve, 0, 0)
    return shell.interruptible<ExitCode>(async (stop) => {
      const starting = start(input, shell)
      const running = await Promise.race([starting, whenAborted(stop)])
      if (running !== undefined) {
        announce(shell, running, input)
        await whenAborted(stop)
      }
      shell.err('Stopping.\n')
      if (running === undefined) await giveUp(starting, shell.clock)
      else await running.server.close()
      return 0
    })
  },
}

interface Running {
  readonly server: RegistryServer
  /** Where the data is, for people. */
  readonly store: string
}

async function start(input: Input, shell: Shell): Promise<Running> {
  const place = placeOf(input, shell)
  const logger = serverLog(shell, input.has('debug') || isOn(shell.env.REGISTRY_DEBUG))
  const options = await optionsOf(input, shell, logger)
  const { createServer } = await import('../../server/index.js')
  const { store, shown } = await openStore(place, shell)
  const grpc = await grpcOf(input, shell)
  const server = await createServer({ ...options, grpc, store }).catch((error: unknown) => {
    logger.started(error)
    throw listenFailure(error, { ...options, grpc })
  })
  logger.started()
  if (input.has('discover')) await discoverInto(server)
  return { server, store: shown }
}

/** Whoever is interrupted while it starts must not wait for a store that hangs. */
const longestGoodbyeMs = 3_000

async function giveUp(starting: Promise<Running>, clock: Clock): Promise<void> {
  const ended = new AbortController()
  const closed = starting.then(({ server }) => server.close()).catch(() => {}) // nobody relies on it yet
  await Promise.race([closed, clock.sleep(longestGoodbyeMs, ended.signal).catch(() => {})])
  ended.abort()
}

// --- flags and environment -----------------------------------------------------------------------

async function optionsOf(input: Input, shell: Shell, logger: Logger): Promise<ServerOptions> {
  const { env } = shell
  const seconds = (flag: string, variable: string): number | undefined => {
    const number = numberOf(input, shell, flag, variable, 'a number of seconds above 0')
    return number === undefined ? undefined : number * 1_000
  }
  const origins = input.text('allowed-origins') ?? given(env.ALLOWED_ORIGINS)
  return {
    host: input.text('host') ?? given(env.REGISTRY_HOST),
    port: portOf(input, shell, 'port', 'REGISTRY_PORT'),
    tls: await tlsOf(input, shell),
    token: await tokenOf(input, shell),
    openReads: input.has('open-reads'),
    insecure: input.has('insecure'),
    restDialect: dialectOf(input),
    healthCheckIntervalMs: seconds('health-check-interval', 'HEALTH_CHECK_INTERVAL'),
    heartbeatTimeoutMs: seconds('heartbeat-timeout', 'HEARTBEAT_TIMEOUT'),
    allowedOrigins: listed(origins),
    allowedLocations: listed(input.text('allowed-locations')),
    logger,
  }
}

const listed = (text: string | undefined): readonly string[] | undefined =>
  text?.split(',').flatMap((one) => given(one.trim()) ?? [])

/** An empty variable counts as unset. */
const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

const isOn = (text: string | undefined): boolean => /^(?:1|true|yes|on)$/i.test(text ?? '')

function numberOf(
  input: Input,
  { env }: Shell,
  flag: string,
  variable: string,
  expected: string,
): number | undefined {
  const own = input.text(flag)
  const text = own ?? given(env[variable])
  if (text === undefined) return undefined
  const number = /^\d{1,9}(?:\.\d+)?$/.test(text) ? Number(text) : 0
  if (number > 0) return number
  const from = own === undefined ? variable : `--${flag}`
  throw usage(`${from} is '${text}', and should be ${expected}`)
}

function portOf(input: Input, { env }: Shell, flag: string, variable: string): number | undefined {
  const own = input.text(flag)
  const text = own ?? given(env[variable])
  if (text === undefined) return undefined
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  const from = own === undefined ? variable : `--${flag}`
  throw usage(`${from} is '${text}', and should be a whole number from 0 to 65535`)
}

/** On unless it is turned off, or its packages are missing and nobody asked for it: then it says so. */
async function grpcOf(input: Input, shell: Shell): Promise<GrpcFaceOptions | undefined> {
  if (input.has('no-grpc')) return undefined
  const port = portOf(input, shell, 'grpc-port', 'SERVICE_REGISTRY_PORT')
  const { missingForGrpc } = await import('../../server/grpc/available.js')
  const [first, ...others] = await missingForGrpc()
  if (first === undefined) {
    await silenceGrpc(shell)
    return { port }
  }
  // The message ends with a command, which takes them all.
  const advice = [first.message, ...others.map(({ install }) => install)].join(' ')
  if (input.has('grpc-port')) throw new Failure(advice)
  shell.err(`Without gRPC. ${advice}, or say --no-grpc\n`)
  return undefined
}

/** It says on standard error what its errors say too. This process is ours alone, so nobody else relies on that. */
async function silenceGrpc({ env }: Shell): Promise<void> {
  if (given(env.GRPC_NODE_VERBOSITY) ?? given(env.GRPC_VERBOSITY)) return
  const { setLogVerbosity, logVerbosity } = await loadGrpc()
  setLogVerbosity(logVerbosity.NONE)
}

async function tlsOf(input: Input, shell: Shell): Promise<ServerTls | undefined> {
  const [cert, key, clientCa] = await Promise.all(
    ['tls-cert', 'tls-key', 'tls-client-ca'].map((flag) => pemOf(input, shell, flag)),
  )
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined
  if (cert === undefined || key === undefined)
    throw usage('give --tls-cert and --tls-key together; --tls-client-ca needs both')
  return { cert, key, clientCa }
}

async function pemOf(input: Input, shell: Shell, flag: string): Promise<string | undefined> {
  const file = input.text(flag)
  return file === undefined ? undefined : textIn(file, `--${flag}`, 'a file in PEM', shell)
}

function dialectOf(input: Input): 'readme' | 'code' | undefined {
  const text = input.text('rest-dialect')
  if (text === undefined || text === 'readme' || text === 'code') return text
  throw usage(`--rest-dialect is '${text}', and should be readme or code`)
}

// --- the store -----------------------------------------------------------------------------------

/** Where to remember: `memory`, a URL of Redis, or the path of a file. */
function placeOf(input: Input, shell: Shell): string {
  const { REGISTRY_STORE, REDIS_URL } = shell.env
  const text = input.text('store') ?? given(REGISTRY_STORE) ?? given(REDIS_URL)
  if (text === 'memory' || /^rediss?:/i.test(text ?? '')) return text ?? ''
  return storePath(input, shell)
}

interface OpenStore {
  readonly store: Store | undefined
  /** For people, without secrets. */
  readonly shown: string
}

async function openStore(place: string, shell: Shell): Promise<OpenStore> {
  if (place === 'memory') return { store: undefined, shown: 'memory: nothing outlives the server' }
  if (/^rediss?:/i.test(place)) {
    const { redisStore } = await import('../../store/redis.js')
    return { store: redisStore(place), shown: withoutSecrets(place) }
  }
  const { fileStore } = await import('../../store/file.js')
  return { store: fileStore(place, { clock: shell.clock }), shown: place }
}

const withoutSecrets = (url: string): string => url.replace(/\/\/[^/?#]*@/, '//***@')

async function discoverInto({ registry }: RegistryServer): Promise<void> {
  const { localBackends } = await import('../../discovery/sources/local-backends.js')
  registry.addSource(localBackends())
}

// --- words ---------------------------------------------------------------------------------------

function announce(shell: Shell, { server, store }: Running, input: Input): void {
  const { urls, token } = server
  const isMadeUp = token !== undefined && !hasOwnToken(shell, input)
  const lines = [
    `REST and events  ${urls.rest}   (metrics: /metrics, document: /openapi.json)`,
    ...(urls.grpc === undefined ? [] : [`Agents (gRPC)    ${urls.grpc}`]),
    `Store            ${store}`,
    ...(isMadeUp
      ? [
          'Others than this machine can connect, so a token is asked for. It is shown only now:',
          `Token            ${token}`,
        ]
      : []),
  ]
  shell.out(`${cleanLines(lines.join('\n'))}\n`)
}

const hasOwnToken = ({ env }: Shell, input: Input): boolean =>
  input.has('token') || input.has('token-file') || given(env.REGISTRY_TOKEN) !== undefined

/** Who cannot listen is told who may be in the way. */
function listenFailure(
  error: unknown,
  { host = '127.0.0.1', port = 5_000, grpc }: ServerOptions,
): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const why = typeof code === 'string' && Object.hasOwn(reasons, code) ? reasons[code] : undefined
  if (why === undefined) return error
  const agents = grpc && (grpc.port ?? 50_051)
  const isGrpc = error instanceof Error && 'port' in error && error.port === agents
  const [at, flag] = isGrpc ? [agents, '--grpc-port'] : [port, '--port']
  const text = why.replace('--port', flag)
  return new Failure(`cannot listen on ${host}:${at}, because ${text}`, { cause: error })
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'another program holds that port: another switchgear serve, or on macOS the AirPlay receiver on 5000; choose one with --port, or 0 for any that is free',
  EACCES: 'this user may not; choose a port above 1023 with --port',
  EADDRNOTAVAIL: 'this machine has no such address; choose one with --host',
  ENOTFOUND: 'that name does not resolve; choose one with --host',
}
