import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'
import { hasRedis, noRedis, startRedis } from '../real/redis.js'
import { variables, wrongArguments, yamlOf } from './files.js'

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly command: readonly string[]
        readonly environment?: Readonly<Record<string, string>>
        readonly depends_on?: Readonly<Record<string, unknown>>
        readonly build?: { readonly context: string; readonly dockerfile: string }
        readonly ports?: readonly string[]
        readonly healthcheck?: unknown
      }
    >
  >
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

const { services, secrets } = yamlOf<Compose>('deploy/compose/compose.yaml')
const { redis, ...servers } = services

describe('the compose file', () => {
  it('starts two servers, with flags and variables that they have', () => {
    expect(Object.keys(servers)).toEqual(['switchgear-1', 'switchgear-2'])
    for (const { command, environment = {} } of Object.values(servers)) {
      expect(wrongArguments(command)).toEqual([])
      expect(Object.keys(environment).filter((name) => !variables.has(name))).toEqual([])
      expect(command[command.indexOf('--token-file') + 1]).toBe('/run/secrets/token')
      expect(environment.REDIS_URL).toBe('redis://redis:6379')
    }
    expect(secrets.token?.file).toBe('./token')
  })

  it('builds what is there, waits for Redis, and shows each server to this machine only', () => {
    for (const { build, depends_on } of Object.values(servers)) {
      const file = join(root, 'deploy/compose', build?.context ?? '', build?.dockerfile ?? '')
      expect(existsSync(file)).toBe(true)
      expect(depends_on).toEqual({ redis: { condition: 'service_healthy' } })
    }
    expect(redis?.healthcheck).toMatchObject({ test: ['CMD', 'redis-cli', 'ping'] })
    const ports = Object.values(servers).flatMap((server) => server.ports ?? [])
    expect(ports).toEqual([
      '127.0.0.1:5000:5000',
      '127.0.0.1:50051:50051',
      '127.0.0.1:5001:5000',
      '127.0.0.1:50052:50051',
    ])
  })

  it('has a Redis that writes down what it is told and never throws a key away', async (context) => {
    needs(context, hasRedis, noRedis)
    const [program, ...settings] = redis?.command ?? []
    expect(program).toBe('redis-server')
    const real = await startRedis(settings)
    onTestFinished(() => real.stop())
    const asked = ['maxmemory-policy', 'appendonly', 'appendfsync', 'maxmemory']
    const found = await real.client().config('GET', ...asked)
    expect(found).toEqual(
      expect.arrayContaining(['noeviction', 'yes', 'everysec', String(512 * 1_024 ** 2)]),
    )
  })
})
