import { execFile, spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it, type TestContext } from 'vitest'
import { protoFile } from '../../../src/wire/proto/definition.js'
import { needs } from '../../house/needs.js'
import { Ends, serving, worker } from './client.js'

const ends = new Ends()
afterEach(() => ends.now())

const python = '/usr/bin/python3'
const hasGrpc = (): boolean =>
  spawnSync(python, ['-c', 'import grpc, grpc_tools.protoc']).status === 0

/** Debian's protoc is older than its protobuf, which takes such code only in its version in Python. */
const env = { ...process.env, PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION: 'python' }

async function run(context: TestContext, file: string, ...args: string[]): Promise<string> {
  needs(
    context,
    hasGrpc(),
    'Debian packages python3-grpcio and python3-grpc-tools (.ci/real-servers)',
  )
  const path = fileURLToPath(new URL(`python/${file}`, import.meta.url))
  const { stdout } = await promisify(execFile)(python, [path, ...args], { env, timeout: 25_000 })
  return stdout.trim()
}

describe('a client in Python', () => {
  it('goes through the flow of the README', async (context) => {
    const { address } = await serving(ends)
    expect(await run(context, 'readme_flow.py', address, dirname(protoFile))).toBe('done')
  })

  it('learns the service by reflection, as tools do', async (context) => {
    const { address, client } = await serving(ends)
    await client.call('Register', worker)
    expect(await run(context, 'reflect.py', address)).toBe('done')
  })
})
