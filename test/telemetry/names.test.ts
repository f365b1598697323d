import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceRegistry } from 'switchgear'
import { prometheus, serverMetrics } from 'switchgear/telemetry'
import { expect, it } from 'vitest'
import { attribute, genAi } from '../../src/telemetry/attributes.js'
import { callDuration, definitions, durationBuckets } from '../../src/telemetry/definitions.js'
import { root } from '../house/sources.js'
import { parsed } from './parsed.js'

const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const page = read('docs/reference/metrics.md')

interface Named {
  readonly name: string | undefined
  readonly type: string | undefined
}

async function exported(): Promise<readonly Named[]> {
  const registry = new ServiceRegistry()
  const { register } = prometheus(registry)
  serverMetrics(() => [], register)
  const { names } = parsed(await register.metrics())
  await registry.close()
  return names
}

it('are those that the reference tells, and no others', async () => {
  const told = [...page.matchAll(/^\| `((?:switchgear|service_registry)_\w+)` \| (\w+) \|/gm)].map(
    ([, name, type]) => ({ name, type }),
  )
  const byName = (a: Named, b: Named): number => String(a.name).localeCompare(String(b.name))
  expect(told.sort(byName)).toEqual([...(await exported())].sort(byName))
})

it('have the labels, texts and buckets that the reference tells', () => {
  const rows = Object.values(definitions).map(({ name, type, instrument, labels, help }) => {
    const shown = labels.length === 0 ? 'none' : labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | \`${instrument}\` | ${shown} | ${help} |`
  })
  const { name, instrument, help } = callDuration
  rows.push(`| \`${name}\` | histogram | \`${instrument}\` | \`service\` | ${help} |`)
  expect(rows.filter((row) => !page.includes(row))).toEqual([])
  expect(page).toContain(`${durationBuckets.join(', ')}.`)
  const attributes = [...Object.values(attribute), ...Object.values(genAi)]
  expect(attributes.filter((one) => !page.includes(`| \`${one}\` |`))).toEqual([])
})

it('exist, each that the dashboard shows', async () => {
  const dashboard = read('docs/operate/grafana.json')
  JSON.parse(dashboard)
  const known = new Set((await exported()).map(({ name }) => name))
  const shown = [
    ...new Set(
      [...dashboard.matchAll(/(?:switchgear|service_registry)_[a-z_]+/g)].map(([name]) =>
        name.replace(/_bucket$/, ''),
      ),
    ),
  ]
  expect(shown.filter((name) => !known.has(name))).toEqual([])
  expect([...known].filter((name) => !shown.includes(String(name)))).toEqual([])
})
