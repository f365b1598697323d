import { isStatus } from '../../client/api.js'
import type { AgentTelemetry } from '../../client/telemetry.js'
import { clean, toJson } from '../clean.js'
import { type Command, jsonFlag, operands } from '../command.js'
import { usage } from '../failure.js'
import type { Input } from '../flags.js'
import { remoteFlags } from '../remote/access.js'
import { missing } from '../remote/get.js'
import { remotely } from '../remote/remote.js'

export const heartbeat: Command = {
  name: 'heartbeat',
  operands: 'ID',
  about:
    'Tells a server that ID is alive; from the first one on it needs another before\nthe time-out of the server. register --keep sends them by itself.',
  flags: {
    'success-rate': { value: 'SHARE', about: 'of its work that went well, from 0 to 1' },
    'avg-duration-ms': { value: 'MS', about: 'how long its work takes' },
    executions: { value: 'COUNT', about: 'how often it worked' },
    ...jsonFlag,
    ...remoteFlags,
  },
  async run(shell, input) {
    const [id = ''] = operands(input, heartbeat, 1, 1)
    const telemetry = telemetryOf(input)
    const { status, url } = await remotely(shell, input, async (remote) => {
      try {
        return { status: await remote.heartbeat(id, telemetry), url: remote.url }
      } catch (error) {
        if (isStatus(error, 404)) return missing(id, remote)
        throw error
      }
    })
    shell.out(
      input.has('json')
        ? toJson({ id, url, status: status ?? null })
        : `${clean(id)} is ${status ?? 'alive'}; ${clean(url)} was told\n`,
    )
    return 0
  },
}

/** All of them or none: a rate without a count says nothing. */
function telemetryOf(input: Input): AgentTelemetry | undefined {
  const flags = ['success-rate', 'avg-duration-ms', 'executions'] as const
  const given = flags.filter((flag) => input.has(flag))
  if (given.length === 0) return undefined
  if (given.length < flags.length)
    throw usage(`give ${flags.map((flag) => `--${flag}`).join(', ')} together`)
  const rate = numberOf(input, 'success-rate', 1)
  const executions = numberOf(input, 'executions', Number.MAX_SAFE_INTEGER)
  return {
    successRate: rate,
    avgDurationMs: numberOf(input, 'avg-duration-ms', Number.MAX_SAFE_INTEGER),
    totalExecutions: executions,
    failedExecutions: Math.round(executions * (1 - rate)),
  }
}

function numberOf(input: Input, flag: string, most: number): number {
  const text = input.text(flag) ?? ''
  const number = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (number <= most) return number
  const bound = most === 1 ? 'from 0 to 1' : 'of 0 or more'
  throw usage(`--${flag} is a number ${bound}; got '${text}'`)
}
