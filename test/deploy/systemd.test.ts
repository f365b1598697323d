import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { wants } from '../house/needs.js'
import { root } from '../house/sources.js'
import { textOf, variables, wrongArguments } from './files.js'

const unit = textOf('deploy/systemd/switchgear.service')
const settings = new Map(
  [...unit.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
)
const analyze = 'systemd-analyze'
const hasAnalyze = spawnSync(analyze, ['--version']).status === 0

describe('the systemd unit', () => {
  it('starts the server, with a token that only it can read', () => {
    const [node, program, ...args] = settings.get('ExecStart')?.split(' ') ?? []
    expect([node, program]).toEqual([
      '/usr/bin/node',
      '/opt/switchgear/node_modules/switchgear/dist/cli/main.js',
    ])
    expect(wrongArguments(args)).toEqual([])
    expect(args).toContain('$' + '{CREDENTIALS_DIRECTORY}/token')
    expect(settings.get('LoadCredential')).toBe('token:/etc/switchgear/token')
  })

  it('lets it write to the folder of its store, and to no other', () => {
    const environment = Object.fromEntries(
      (settings.get('Environment') ?? '').split(' ').map((pair) => pair.split('=')),
    )
    expect(Object.keys(environment).filter((name) => !variables.has(name))).toEqual([])
    // `switchgear` in the data directory, as the command line has it.
    expect(environment.XDG_DATA_HOME).toBe('%S')
    expect(settings.get('StateDirectory')).toBe('switchgear')
    expect(settings.get('ProtectSystem')).toBe('strict')
    expect(settings.has('ReadWritePaths')).toBe(false)
  })

  it('starts it again after a crash, and not after a wrong flag', () => {
    expect(settings.get('Restart')).toBe('on-failure')
    expect(settings.get('RestartPreventExitStatus')).toBe('2')
  })

  it('is what systemd takes, and well closed', (context) => {
    wants(context, hasAnalyze, 'systemd-analyze')
    const folder = mkdtempSync(join(tmpdir(), 'switchgear-unit-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'switchgear.service')
    // It looks whether the program is there; where Node is differs.
    writeFileSync(file, unit.replace('/usr/bin/node', process.execPath))
    const verified = spawnSync(analyze, ['verify', file], { encoding: 'utf8' })
    expect(verified.stderr.split('\n').filter((line) => line.includes(file))).toEqual([])
    expect(verified.status).toBe(0)
    const args = ['security', '--offline=true', '--threshold=20', file]
    expect(spawnSync(analyze, args).status).toBe(0)
  })
})

it('a user without a home can start the command', (context) => {
  const uid = 54_321
  const as = { uid, gid: uid, env: { PATH: process.env.PATH }, encoding: 'utf8', cwd: '/' } as const
  const program = join(root, 'dist/cli/main.js')
  const look = `fs.accessSync(${JSON.stringify(program)}); os.homedir()`
  const probe = spawnSync(process.execPath, ['-e', look], as)
  wants(
    context,
    process.getuid?.() === 0 && /uv_os_homedir/.test(probe.stderr ?? ''),
    'root, a build that others may read, and a system that knows no home of user 54321',
  )
  expect(spawnSync(process.execPath, [program, '--version'], as)).toMatchObject({ status: 0 })
})
