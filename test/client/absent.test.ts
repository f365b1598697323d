import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'

/** Node finds none of these, as where nobody has installed them. */
const without = (...names: readonly string[]): readonly string[] => {
  const hooks = `const names = ${JSON.stringify(names)}
    export const resolve = (name, context, next) => {
      if (!names.includes(name)) return next(name, context)
      const error = new Error("Cannot find package '" + name + "' imported from " + context.parentURL)
      throw Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' })
    }`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(asUrl(hooks))})`
  return ['--import', asUrl(register)]
}

const asUrl = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`

const grpc = ['@grpc/grpc-js', '@grpc/proto-loader', '@grpc/reflection', 'grpc-health-check']

beforeEach((context) => {
  const isBuilt = existsSync(join(root, 'dist/cli/main.js'))
  needs(context, isBuilt, 'dist is not built: npm run build')
})

/** What a program says, on both of its outputs, and how it ends. */
async function run(...args: readonly string[]): Promise<string> {
  const options = { cwd: root, timeout: 20_000 }
  return promisify(execFile)(process.execPath, args, options).then(
    ({ stdout, stderr }) => `0: ${stdout}${stderr}`,
    ({ code, stdout, stderr }) => `${code}: ${stdout}${stderr}`,
  )
}

const serve = ['dist/cli/main.js', 'serve', '--port', '0', '--store', 'memory']

it('the command serves REST alone, and says what to install and how not to be told', async () => {
  const child = spawn(process.execPath, [...without(...grpc), ...serve], { cwd: root })
  onTestFinished(() => {
    child.kill()
  })
  let said = ''
  const listening = new Promise<void>((resolve, reject) => {
    const hear = (bytes: Buffer): void => {
      said += bytes.toString()
      if (/https?:\/\/127\.0\.0\.1:\d+/.test(said)) resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('exit', () => reject(new Error(said)))
  })
  await listening
  expect(said).toMatch(/gRPC.*@grpc\/grpc-js.*not installed; run: npm install @grpc\/grpc-js@/)
  const [, command = ''] = /run: (npm install .*), or say/.exec(said) ?? []
  expect(grpc.filter((name) => !command.includes(` ${name}@`))).toEqual([])
  expect(said).toContain('--no-grpc')
  const [url = ''] = /https?:\/\/127\.0\.0\.1:\d+/.exec(said) ?? []
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

it('who asks the command for gRPC is told which package is missing', async () => {
  const asked = grpc.map((missing) => run(...without(missing), ...serve, '--grpc-port', '0'))
  for (const [at, said] of (await Promise.all(asked)).entries()) {
    expect(said).toMatch(/^[1-9]/)
    expect(said).toContain(
      `needs the package ${grpc[at]}, which is not installed; run: npm install`,
    )
  }
})

it.each(['@grpc/grpc-js', '@grpc/proto-loader'])('the client names %s', async (missing) => {
  const script = `
    import { RegistryClient, remoteRegistry } from './dist/client/index.js'
    const client = new RegistryClient({ url: 'grpc://127.0.0.1:1' })
    const told = ({ name, message }) => console.log(name, message)
    await client.list().catch(told)
    await client.registerAgent({ name: 'a', capabilities: [] }).catch(told)
    const source = remoteRegistry({ url: 'grpc://127.0.0.1:1' })
    await source.watch(new AbortController().signal)[Symbol.asyncIterator]().next().catch(told)
    await client.close()
  `
  const said = await run(...without(missing), '--input-type=module', '-e', script)
  expect(said).toMatch(/^0: /)
  const lines = said.split('\n').filter((line) => line.includes(`package ${missing}, which is not`))
  expect(lines).toHaveLength(3)
  expect(lines.every((line) => line.includes('MissingPeerError'))).toBe(true)
})

it('without any of them a client of REST works', async () => {
  const script = `
    import { createServer } from './dist/server/index.js'
    import { RegistryClient } from './dist/client/index.js'
    const server = await createServer({ port: 0 })
    const client = new RegistryClient({ url: server.urls.rest })
    await client.registerAgent({ id: 'a', name: 'a', capabilities: [] })
    console.log((await client.discoverAgents()).length)
    await client.close()
    await server.close()
  `
  expect(await run(...without(...grpc), '--input-type=module', '-e', script)).toMatch(/^0: 1\n/)
})
