import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.js'
import { StoreInUseError } from '../../src/index.js'
import { root } from '../house/sources.js'
import { say } from './terminal.js'

const usageError = (err: string) => ({ exit: 2, out: '', err: `switchgear: ${err}\n` })

describe('help and version', () => {
  it.each(['--help', '-h', 'help'])('%s names every command', async (args) => {
    const { exit, out, err } = await say(args)
    expect([exit, err]).toEqual([0, ''])
    for (const name of commands.keys()) expect(out).toContain(`\n  ${name} `)
  })

  it('goes to standard error, with exit code 2, when nothing is asked', async () => {
    const { exit, out, err } = await say([])
    expect([exit, out]).toEqual([2, ''])
    expect(err).toBe((await say('--help')).out)
  })

  it.each([...commands.keys()])('says what %s does, in lines of at most 80', async (name) => {
    const texts = await Promise.all(
      [`${name} --help`, `${name} -h`, `help ${name}`].map((a) => say(a)),
    )
    for (const { exit, out, err } of texts) {
      expect({ exit, out, err }).toEqual({ exit: 0, out: texts[0]?.out, err: '' })
      for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    }
    const { flags } = await (commands.get(name)?.load() ?? Promise.reject(new Error(name)))
    for (const flag of Object.keys(flags)) expect(texts[0]?.out).toContain(`--${flag}`)
  })

  it.each(['--version', '-V'])('%s is that of the package', async (args) => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(await say(args)).toMatchObject({ exit: 0, out: `${version}\n`, err: '' })
  })
})

describe('a wrong command line', () => {
  it.each([
    ['lst', "there is no command 'lst'; did you mean 'list'? see switchgear --help"],
    ['frobnicate', "there is no command 'frobnicate'; see switchgear --help"],
    ['__proto__', "there is no command '__proto__'; see switchgear --help"],
    ['--json list', 'expected a command before --json; see switchgear --help'],
    ['help lst', "there is no command 'lst'; did you mean 'list'? see switchgear --help"],
    ['list --jsn', 'list has no flag --jsn; did you mean --json? see switchgear list --help'],
    ['list -x', 'list has no flag -x; see switchgear list --help'],
    ['list --constructor', 'list has no flag --constructor; see switchgear list --help'],
    ['list --store', '--store needs a value: --store PATH; see switchgear list --help'],
    ['list --store --json', '--store needs a value: --store PATH; see switchgear list --help'],
    ['list --store=', '--store needs a value: --store PATH; see switchgear list --help'],
    ['list --json=yes', "--json takes no value, and got 'yes'; see switchgear list --help"],
    ['list a b', "list does not know what to do with 'b'; see switchgear list --help"],
    [
      'list modles',
      "there is no list of 'modles'; did you mean 'models'? see switchgear list --help",
    ],
    ['get', 'get needs NAME, as in: switchgear get NAME; see switchgear get --help'],
    ['import', 'import needs FILE, as in: switchgear import FILE; see switchgear import --help'],
    ['export x', "export does not know what to do with 'x'; see switchgear export --help"],
    ['export --force', '--force replaces a file; name it with --output FILE'],
  ])('%s', async (args, message) => {
    expect(await say(args)).toMatchObject(usageError(message))
  })

  it('takes what comes after -- as it is', async () => {
    expect((await say('get -- --odd')).err).toMatch(/no provider '--odd'/)
  })
})

describe('a failure', () => {
  const broken = (error: Error) => ({ open: () => Promise.reject(error) })

  it('of ours is its message, in the words of a command line', async () => {
    const inUse = new StoreInUseError('/data/r.json', 'process 7', 'a hint for programs')
    expect(
      await say('import -', { ...broken(inUse), input: async () => '{"version":"1.0"}' }),
    ).toMatchObject({
      exit: 1,
      out: '',
      err: 'switchgear: /data/r.json is in use by process 7, and nothing was changed; stop that one first (list, get and export work meanwhile)\n',
    })
  })

  it('of another kind is one line, and a stack only when asked for', async () => {
    const odd = new TypeError('x is not\na function', { cause: new Error('below') })
    expect((await say('list', broken(odd))).err).toBe(
      'switchgear: unexpected failure: x is not; --verbose says where\n',
    )
    for (const asked of [
      await say('list --verbose', broken(odd)),
      await say('list', { ...broken(odd), env: { DEBUG: '1' } }),
    ]) {
      expect(asked.err).toMatch(/run\.test\.ts/)
      expect(asked.err).toMatch(/Caused by: Error: below/)
    }
  })

  it('shows nothing a terminal would obey', async () => {
    const evil = new StoreInUseError('\u001b[2Jfile', 'a\u0007b', 'c')
    expect((await say('list', broken(evil))).err.trimEnd()).not.toMatch(/\p{Cc}/u)
  })
})
