import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { wants } from '../house/needs.js'
import { root } from '../house/sources.js'
import { documentsOf, textOf, yamlOf } from './files.js'

interface Alerts {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string
      readonly expr: string
      readonly annotations: { readonly summary: string }
    }[]
  }[]
}

const rules = yamlOf<Alerts>('deploy/prometheus/alerts.yaml').groups.flatMap(({ rules }) => rules)
const promtool = process.env.PROMTOOL ?? 'promtool'
const hasPromtool = spawnSync(promtool, ['--version']).status === 0

/** Metrics of the reference, which a test of telemetry compares with what is exported. */
const known = new Set(textOf('docs/reference/metrics.md').match(/(?<=^\| `)\w+/gm))

describe('the alerts', () => {
  it('ask for metrics that there are', () => {
    const asked = rules.flatMap(
      ({ expr }) => expr.match(/\b(?:switchgear|service_registry)_\w+/g) ?? [],
    )
    const names = asked.map((name) => name.replace(/_bucket$/, ''))
    expect(names).not.toEqual([])
    expect(names.filter((name) => !known.has(name))).toEqual([])
  })

  it('are told of in the page on monitoring, each with what to do', () => {
    const page = textOf('docs/operate/monitor.md')
    expect(rules.filter(({ alert }) => !page.includes(`| \`${alert}\` |`))).toEqual([])
  })

  it('fire when they should, as Prometheus sees it', (context) => {
    wants(context, hasPromtool, 'promtool')
    const file = join(root, 'deploy/prometheus/alerts.test.yaml')
    const { status, stdout, stderr } = spawnSync(promtool, ['test', 'rules', file], {
      encoding: 'utf8',
    })
    expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS')])
  })

  it('each have a test', () => {
    const [tests] = documentsOf<object>('deploy/prometheus/alerts.test.yaml')
    const tested = JSON.stringify(tests)
    expect(rules.filter(({ alert }) => !tested.includes(`alertname=\\"${alert}\\"`))).toEqual([])
  })
})
