import type { AgentRecord } from '../../client/registration.js'
import { InvalidRegistrationError } from '../../core/errors.js'
import { clean, toJson } from '../clean.js'
import { type Command, jsonFlag, operands } from '../command.js'
import { usage } from '../failure.js'
import type { Input } from '../flags.js'
import { pairsOf } from '../pairs.js'
import { remoteFlags } from '../remote/access.js'
import { isActive } from '../remote/entry.js'
import { holding } from '../remote/holding.js'
import { type Manifest, manifestIn } from '../remote/manifest.js'
import { type Remote, remotely } from '../remote/remote.js'
import type { ExitCode, Shell } from '../shell.js'

export const register: Command = {
  name: 'register',
  operands: 'ID',
  about:
    'Registers with a server, or overwrites what has this id there, and says the\ntoken with which it can be changed and removed.',
  flags: {
    capability: { value: 'NAME', about: 'what it can do, such as chat@2; may be repeated' },
    location: { value: 'URL', about: 'where it is, such as http://127.0.0.1:8000' },
    mode: { value: 'MODE', about: 'http (with --location), embedded or standalone' },
    service: { value: 'NAME', about: 'what it is a provider of, such as llm; default its name' },
    name: { value: 'TEXT', about: 'for people; default ID' },
    version: { value: 'VERSION', about: 'its own; default 1.0.0' },
    metadata: { value: 'KEY=VALUE', about: 'more to know of it; may be repeated' },
    manifest: { value: 'FILE', about: 'the same from a file of JSON; flags win over it' },
    keep: { about: 'send heartbeats until Ctrl-C, and then deregister it' },
    'heartbeat-timeout': {
      value: 'SECONDS',
      about: 'with --keep: that of the server; default 60',
    },
    ...jsonFlag,
    ...remoteFlags,
  },
  async run(shell, input) {
    const file = input.text('manifest')
    const [given] = operands(input, register, file === undefined ? 1 : 0, 1)
    const manifest = file === undefined ? undefined : await manifestIn(file, shell)
    const id = given ?? manifest?.id
    if (id === undefined) throw usage(`--manifest ${file} has no id; give ID as well`)
    const record = recordOf(id, input, manifest)
    const options = { heartbeatTimeoutMs: timeoutOf(input), onError: tellLost(shell) }
    const work = async (remote: Remote, signal: AbortSignal): Promise<ExitCode> => {
      await registered(remote, record, signal)
      say(shell, input, id, remote)
      await sayMissing(shell, manifest?.requires ?? [], remote)
      if (input.has('keep')) await keep(shell, id, remote, signal)
      return 0
    }
    return remotely(shell, input, work, options)
  },
}

/** Sends heartbeats until the signal aborts, and takes back what was registered. */
async function keep(
  shell: Shell,
  id: string,
  { client }: Remote,
  signal: AbortSignal,
): Promise<void> {
  shell.err(`Heartbeats of ${clean(id)} go out; Ctrl-C ends them, and deregisters it.\n`)
  await holding(shell.clock, signal)
  await client.deregisterAgent(id)
  shell.err(`Deregistered ${clean(id)}.\n`)
}

const tellLost =
  ({ err }: Shell) =>
  (error: unknown): void => {
    const why = error instanceof Error ? clean(error.message) : 'it failed'
    err(`A heartbeat was not taken, and is sent again: ${why}\n`)
  }

const modes = ['http', 'embedded', 'standalone'] as const

function recordOf(id: string, input: Input, manifest?: Manifest): AgentRecord {
  const mode = input.text('mode')
  const known = modes.find((one) => one === mode)
  if (mode !== undefined && known === undefined)
    throw usage(`--mode is one of ${modes.join(', ')}; got '${mode}'`)
  const service = input.text('service')
  return {
    id,
    name: input.text('name') ?? manifest?.name ?? id,
    capabilities: input.has('capability') ? input.all('capability') : (manifest?.provides ?? []),
    location: input.text('location') ?? manifest?.location,
    mode: known,
    version: input.text('version') ?? manifest?.version,
    metadata: { ...pairsOf(input, 'metadata'), ...(service !== undefined && { service }) },
  }
}

function timeoutOf(input: Input): number | undefined {
  const text = input.text('heartbeat-timeout')
  if (text === undefined) return undefined
  if (!input.has('keep')) throw usage('--heartbeat-timeout is for --keep; give that as well')
  const seconds = /^\d{1,6}(?:\.\d+)?$/.test(text) ? Number(text) : 0
  if (seconds > 0) return seconds * 1_000
  throw usage(`--heartbeat-timeout is a number of seconds above 0; got '${text}'`)
}

/** What the client refuses was written on the command line. */
async function registered(
  { client }: Remote,
  record: AgentRecord,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.registerAgent(record, { signal })
  } catch (error) {
    if (!(error instanceof InvalidRegistrationError)) throw error
    const issues = error.issues.map(({ field, message }) =>
      field === 'id' ? `ID: ${message}` : `--${field}: ${message}`,
    )
    throw usage(issues.join('; '))
  }
}

function say(shell: Shell, input: Input, id: string, { client, url }: Remote): void {
  const token = client.registrationToken(id)
  if (input.has('json')) {
    shell.out(toJson({ id, url, token: token ?? null }))
    return
  }
  shell.out(`Registered ${clean(id)} at ${clean(url)}\n`)
  if (token === undefined) return
  shell.out(`Token ${token}\n`)
  shell.err(
    'The token is shown only now. Whoever has it may send heartbeats and deregister: --token-file FILE, --token or REGISTRY_TOKEN.\n',
  )
}

/** What a module cannot do without, and nobody can do now. Who may not read the registry is told nothing. */
async function sayMissing(
  shell: Shell,
  requires: readonly string[],
  remote: Remote,
): Promise<void> {
  if (requires.length === 0) return
  const all = await remote.list().catch(() => undefined)
  const there = new Set(all?.filter(isActive).flatMap(({ capabilities }) => capabilities))
  const missing = requires.filter((one) => !there.has(one))
  if (all !== undefined && missing.length > 0)
    shell.err(`${clean(`It requires ${missing.join(', ')}, which nobody here has now.`)}\n`)
}
