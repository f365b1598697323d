import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { RegistryDouble } from '../../client/double.js'
import { root } from '../../house/sources.js'
import { ask } from './serving.js'

const page = readFileSync(join(root, 'docs/reference/cli.md'), 'utf8')

/** What the reference says that a command prints. */
function printed(command: string): string {
  const [, text = ''] = page.split(`$ switchgear ${command}\n`)
  return text.split('```')[0] ?? ''
}

const entry = (id: string, fields = {}) => ({
  ...{ id, name: id, service: 'llm', version: '1.0.0', status: 'healthy', mode: 'http' },
  ...{ capabilities: ['chat'], location: 'http://127.0.0.1:8000' },
  ...fields,
})

const others = ['a', 'b', 'c', 'd'].map((id) => entry(id, { capabilities: [] }))

async function registryWith(providers: readonly unknown[]) {
  const double = await RegistryDouble.start()
  double.answerWith = ({ path }, response) => {
    if (path !== '/v1/providers') return false
    response.end(JSON.stringify({ providers }))
    return true
  }
  return { urls: { rest: double.url } } as const
}

it('shows what list prints', async () => {
  const at = await registryWith([entry('forge-1')])
  expect((await ask(at, 'list')).out).toBe(printed('list --url http://localhost:5000'))
})

it('shows what explain prints', async () => {
  const at = await registryWith([
    entry('forge-1'),
    entry('forge-2', {
      ...{ status: 'unhealthy', failedChecks: 3, location: 'http://127.0.0.1:8001' },
    }),
    entry('old', { capabilities: ['chat@1'] }),
    ...others,
  ])
  const { out } = await ask(at, 'explain chat')
  expect(out.replace(at.urls.rest, 'http://localhost:5000')).toBe(printed('explain chat'))
})

it('shows what watch prints', async () => {
  const double = await RegistryDouble.start()
  const forge = entry('forge-1', { metadata: { service: 'llm' } })
  double.add(forge)
  const at = { urls: { rest: double.url } } as const
  const out: string[] = []
  const steps = [
    () => double.add({ ...forge, id: 'forge-2', location: 'http://127.0.0.1:8001' }),
    () => double.setStatus('forge-2', 'unhealthy'),
    () => double.remove('forge-2'),
  ]
  await ask(at, 'watch --count 3', {
    out(text) {
      out.push(text.replace(/^\d\d:\d\d:\d\d/gm, '10:00:00'))
      steps.shift()?.()
    },
  })
  expect(out.join('')).toBe(printed('watch').replace(/^\d\d:\d\d:\d\d/gm, '10:00:00'))
})
