import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createServer, type RegistryServer } from '../../src/server/index.js'
import { createAuthority, hasOpenssl } from '../core/certificates.js'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'
import { textOf, variables, wrongArguments } from './files.js'

const lines = textOf('deploy/Containerfile')
  .replace(/\\\n\s*/g, ' ')
  .split('\n')
  .filter((line) => !/^\s*(?:#|$)/.test(line))
const stages = lines
  .join('\n')
  .split(/^(?=FROM )/m)
  .slice(1)
const image = stages.at(-1) ?? ''

/** What follows this instruction in the last stage, or in all of it. */
const operands = (instruction: string, text = image): string[] =>
  [...text.matchAll(new RegExp(`^${instruction} (.*)$`, 'gm'))].map(([, rest = '']) => rest.trim())
const list = (text = ''): string[] => JSON.parse(text) as string[]
const manifest = JSON.parse(textOf('package.json')) as {
  readonly bin: { readonly switchgear: string }
  readonly devDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}
const environment = Object.fromEntries(
  operands('ENV')
    .flatMap((line) => line.split(/\s+/))
    .map((pair) => pair.split('=') as [string, string]),
)

describe('the container file', () => {
  it('copies what there is and what .dockerignore lets through', () => {
    const through = textOf('.dockerignore').match(/(?<=^!).*/gm) ?? []
    const copied = stages.flatMap((stage) =>
      operands('COPY', stage)
        .filter((line) => !line.startsWith('--from'))
        .flatMap((line) => line.split(/\s+/).slice(0, -1)),
    )
    expect(new Set(copied)).toEqual(new Set(through))
    expect(through.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  it('brings the optional packages that a server needs, in versions that are locked', () => {
    const [, names = ''] = /for name in (.*?);/.exec(stages[1] ?? '') ?? []
    const inSource = ['core/grpc.ts', 'wire/proto/definition.ts', 'server/grpc/reflection.ts']
      .concat('server/grpc/health.ts', 'store/redis-client.ts')
      .flatMap((file) => textOf(`src/${file}`).match(/(?<=import\(')[^']+/g) ?? [])
    const brought = names.split(' ')
    expect(new Set(brought)).toEqual(new Set(inSource.filter((name) => !name.startsWith('.'))))
    for (const name of brought)
      expect([manifest.devDependencies[name], manifest.peerDependencies[name]]).not.toContain(
        undefined,
      )
  })

  it('starts the command of the package, as a user that is a number and not root', () => {
    expect(list(operands('ENTRYPOINT')[0])).toEqual([
      'node',
      join('/app', manifest.bin.switchgear).replaceAll('\\', '/'),
    ])
    expect(wrongArguments(list(operands('CMD')[0]))).toEqual([])
    expect(operands('USER')).toEqual(['1000:1000'])
    expect(operands('VOLUME')).toEqual([environment.XDG_DATA_HOME])
  })

  it('sets variables that are read, and shows the ports that they name', () => {
    expect(Object.keys(environment).filter((name) => !variables.has(name))).toEqual([])
    const { REGISTRY_PORT, SERVICE_REGISTRY_PORT } = environment
    expect(operands('EXPOSE')).toEqual([`${REGISTRY_PORT} ${SERVICE_REGISTRY_PORT}`])
    // These would come before REDIS_URL, so nobody could use a Redis by saying where it is.
    expect(environment).not.toHaveProperty('REGISTRY_STORE')
  })

  it('is healthy while the server answers, with and without TLS, and not when it does not', async (context) => {
    const [, command = ''] = /^HEALTHCHECK .*? CMD (\[.*\])$/m.exec(image) ?? []
    expect(list(command)).toEqual(['node', '/app/health.mjs'])
    expect(operands('COPY')).toContain('deploy/health.mjs ./')
    const check = async (port: number): Promise<unknown> => {
      const env = { ...process.env, REGISTRY_PORT: String(port) }
      const file = join(root, 'deploy/health.mjs')
      const child = spawn(process.execPath, [file], { env, stdio: 'ignore' })
      onTestFinished(() => void child.kill('SIGKILL'))
      const [code] = await once(child, 'exit')
      return code
    }
    const portOf = ({ urls }: RegistryServer): number => Number(new URL(urls.rest).port)
    const server = await createServer({ port: 0, token: 'nobody-tells-the-check' })
    expect(await check(portOf(server))).toBe(0)
    await server.close()
    expect(await check(portOf(server))).toBe(1)

    needs(context, hasOpenssl, 'openssl')
    const authority = createAuthority()
    onTestFinished(() => authority.remove())
    const { cert, key } = authority.issue('server', 'DNS:registry.example')
    const secure = await createServer({ port: 0, tls: { cert, key, clientCa: authority.ca } })
    onTestFinished(() => secure.close())
    expect(await check(portOf(secure))).toBe(0)
  })
})
