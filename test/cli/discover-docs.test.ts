import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deregister } from '../../src/cli/commands/deregister.js'
import { discover } from '../../src/cli/commands/discover.js'
import { doctor } from '../../src/cli/commands/doctor.js'
import { explain } from '../../src/cli/commands/explain.js'
import { get } from '../../src/cli/commands/get.js'
import { heartbeat } from '../../src/cli/commands/heartbeat.js'
import { list } from '../../src/cli/commands/list.js'
import { notify } from '../../src/cli/commands/notify.js'
import { register } from '../../src/cli/commands/register.js'
import { resolve } from '../../src/cli/commands/resolve.js'
import { watch } from '../../src/cli/commands/watch.js'
import { commands } from '../../src/cli/commands.js'
import { fingerprints } from '../../src/discovery/fingerprints/all.js'
import { root } from '../house/sources.js'

const page = (path: string): string => readFileSync(join(root, path), 'utf8')

describe('the table of ports in the guide', () => {
  const section = page('docs/guide/discover.md').split('\n## Ports\n')[1]?.split('\n## ')[0] ?? ''
  const rows = new Map(
    [...section.matchAll(/^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|/gm)].map(
      ([, kind = '', ports = '']) => [kind, ports.match(/\d+/g)?.map(Number) ?? []],
    ),
  )

  it('has each kind that is known with all its ports, and no other', () => {
    const known = fingerprints.map(({ kind, ports }) => [kind, [...ports]] as const)
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(known))
  })
})

describe('the reference of the command line', () => {
  const text = page('docs/reference/cli.md')
  const section = (name: string): string => text.split(`\n## ${name}\n`)[1]?.split('\n## ')[0] ?? ''

  it.each([discover, doctor])('names every flag of $name', ({ flags, name }) => {
    for (const flag of Object.keys(flags)) expect(section(name)).toContain(`\`--${flag}`)
  })

  it.each([register, deregister, heartbeat, list, get, resolve, explain, watch, notify])(
    'names every flag of $name, those of all that ask a server in one place',
    ({ flags, name }) => {
      const said = `${section(name)}${section('Over a server')}${section('Everywhere')}`
      for (const flag of Object.keys(flags)) expect(said).toContain(`\`--${flag}`)
    },
  )

  it('has a row for each command', () => {
    const [table = ''] = text.split('Flags stand after the command.')
    for (const name of commands.keys()) expect(table).toMatch(new RegExp(`\\| \\[\`${name}[ \`]`))
  })
})
