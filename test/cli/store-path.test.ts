import { describe, expect, it } from 'vitest'
import { storePath } from '../../src/cli/store-path.js'
import { say } from './terminal.js'

const linux = { env: {}, platform: 'linux', home: '/home/me', folder: '/work' }
const windows = { env: {}, platform: 'win32', home: 'C:\\Users\\me', folder: 'C:\\work' }
const path = (surroundings: typeof linux & { env: Record<string, string> }, store?: string) =>
  storePath({ text: (flag) => (flag === 'store' ? store : undefined) }, surroundings)

describe('the file of the registry', () => {
  it.each([
    ['r.json', '/work/r.json'],
    ['/data/r.json', '/data/r.json'],
    ['file:r.json', '/work/r.json'],
    ['file:/data/r.json', '/data/r.json'],
    ['file:///data/a%20b.json', '/data/a b.json'],
    ['../r.json', '/r.json'],
  ])('--store %s is %s', (given, expected) => {
    expect(path(linux, given)).toBe(expected)
  })

  it('is that of --store, then REGISTRY_STORE, then the data directory', () => {
    const env = { REGISTRY_STORE: 'file:env.json', XDG_DATA_HOME: '/xdg' }
    expect(path({ ...linux, env }, 'flag.json')).toBe('/work/flag.json')
    expect(path({ ...linux, env })).toBe('/work/env.json')
    expect(path({ ...linux, env: { ...env, REGISTRY_STORE: '' } })).toBe(
      '/xdg/switchgear/registry.json',
    )
  })

  it('follows the habits of the platform', () => {
    expect(path(linux)).toBe('/home/me/.local/share/switchgear/registry.json')
    expect(path({ ...linux, env: { XDG_DATA_HOME: 'relative' } })).toBe(path(linux))
    expect(path({ ...linux, platform: 'darwin' })).toBe(
      '/home/me/Library/Application Support/switchgear/registry.json',
    )
    expect(path(windows)).toBe('C:\\Users\\me\\AppData\\Local\\switchgear\\registry.json')
    expect(path({ ...windows, env: { LOCALAPPDATA: 'D:\\data' } })).toBe(
      'D:\\data\\switchgear\\registry.json',
    )
    expect(path(windows, 'r.json')).toBe('C:\\work\\r.json')
  })

  it.each(['memory', 'redis://host:6379', 'rediss://host', 'file:', 'file://host/x'])(
    'is never %s',
    async (text) => {
      const byFlag = await say(['list', '--store', text])
      const byEnv = await say('list', { env: { REGISTRY_STORE: text } })
      expect(byFlag).toMatchObject({ exit: 2, out: '', opened: [] })
      expect(byFlag.err).toContain(`--store is '${text}'`)
      expect(byEnv).toMatchObject({ exit: 2, out: '', opened: [] })
      expect(byEnv.err).toContain(`REGISTRY_STORE is '${text}'`)
    },
  )
})
