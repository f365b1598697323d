import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, it } from 'vitest'
import { needs } from './needs.js'
import { filesUnder, root } from './sources.js'

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin?: Readonly<Record<string, string>>
}

const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const targets = Object.values(manifest.exports).flatMap((target) =>
  typeof target === 'string' ? [target] : Object.values(target),
)
const commands = Object.values(manifest.bin ?? {})

/** What a user writes after `import`: `switchgear`, `switchgear/testing`. */
const modules = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target !== 'string')
  .map(([subpath]) => manifest.name + subpath.slice(1))

/** Runs code in a fresh process, in which the package finds itself by name. */
const run = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, args, { cwd: root, timeout: 10_000 })

const silent = { stdout: '', stderr: '' }

beforeEach((context) => {
  needs(context, existsSync(join(root, 'dist/index.js')), 'dist is not built: npm run build')
})

describe('package.json exports', () => {
  it('names only files that are built', () => {
    expect([...targets, ...commands].filter((file) => !existsSync(join(root, file)))).toEqual([])
  })

  it('names every index that is built, and its types', () => {
    const built = ['index.js', 'index.d.ts']
      .flatMap((name) =>
        filesUnder(join(root, 'dist'), name).filter((file) => basename(file) === name),
      )
      .map((file) => `./dist/${file}`)
    expect(built.filter((file) => !targets.includes(file))).toEqual([])
  })

  it('names a command for a built shell', () => {
    const shells = filesUnder(join(root, 'dist'), 'cli/main.js').map((file) => `./dist/${file}`)
    expect(commands).toEqual(shells)
    for (const file of commands) {
      expect(readFileSync(join(root, file), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
    }
  })
})

describe.each(modules)('%s', (name) => {
  it('imports alone, prints nothing and leaves nothing running', async () => {
    // The timer keeps nothing alive: it only fires when something else does.
    const code = `await import('${name}')
      setTimeout(() => {
        console.log('left running:', ...process.getActiveResourcesInfo())
        process.exit()
      }, 300).unref()`
    expect(await run('--input-type=module', '--eval', code)).toEqual(silent)
  })

  it('loads through require()', async () => {
    // Node 20 and 22 warn about it once, except from inside node_modules.
    const flags = ['--disable-warning=ExperimentalWarning', '--input-type=commonjs', '--eval']
    const code = `if (Object.keys(require('${name}')).length === 0) throw new Error('empty')`
    expect(await run(...flags, code)).toEqual(silent)
  })
})
