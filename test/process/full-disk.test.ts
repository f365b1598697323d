import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StoreFailedError } from '../../src/core/errors.js'
import { ServiceRegistry } from '../../src/index.js'
import { fileStore } from '../../src/store/index.js'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'

let place: string

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'switchgear-full-'))
})

afterEach(() => {
  rmSync(place, { recursive: true, force: true })
})

const provider = (number: number) => ({
  service: 's',
  name: `p${number}`,
  provider: {},
  address: `http://127.0.0.1:${number}`,
  metadata: { filler: 'x'.repeat(200) },
})

/** Registers until the store refuses; gives how many were acknowledged. */
async function fill(registry: ServiceRegistry): Promise<{ acknowledged: number; error: unknown }> {
  for (let number = 0; number < 10_000; number++) {
    registry.register(provider(number))
    try {
      await registry.flush()
    } catch (error) {
      return { acknowledged: number, error }
    }
  }
  return { acknowledged: 10_000, error: undefined }
}

async function found(path: string): Promise<number> {
  const registry = new ServiceRegistry({ store: fileStore(path, { readOnly: true }) })
  await registry.start()
  const { length } = registry.list()
  await registry.close()
  return length
}

describe('a disk without room', () => {
  it('loses nothing that was acknowledged, says what is the matter, and goes on when there is room', async (context) => {
    const disk = join(place, 'disk')
    mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' })
    } catch {
      context.skip('no right to mount a small disk')
    }
    try {
      const path = join(disk, 'registry.json')
      writeFileSync(join(disk, 'filler'), Buffer.alloc(64 * 1_024))
      const registry = new ServiceRegistry({ store: fileStore(path) })
      await registry.start()
      const { acknowledged, error } = await fill(registry)
      expect(error).toBeInstanceOf(StoreFailedError)
      expect(String(error)).toMatch(/ENOSPC/)
      expect(acknowledged).toBeGreaterThan(10)
      expect(await found(path)).toBe(acknowledged)
      unlinkSync(join(disk, 'filler'))
      await registry.flush()
      await registry.close()
      expect(await found(path)).toBe(acknowledged + 1)
    } finally {
      execFileSync('umount', [disk])
    }
  })

  it('the same where a file may not grow any more', async (context) => {
    const library = join(root, 'dist/index.js')
    needs(context, process.platform !== 'win32', 'a POSIX shell with ulimit')
    needs(context, existsSync(library), 'dist is not built: npm run build')
    const path = join(place, 'registry.json')
    const program = join(place, 'fill.mjs')
    writeFileSync(
      program,
      `import { ServiceRegistry } from ${JSON.stringify(library)}
      import { fileStore } from ${JSON.stringify(join(root, 'dist/store/index.js'))}
      const registry = new ServiceRegistry({ store: fileStore(${JSON.stringify(path)}) })
      await registry.start()
      const provider = ${provider.toString()}
      let number = 0
      try {
        for (;;) {
          registry.register(provider(number))
          await registry.flush()
          number += 1
        }
      } catch (error) {
        console.log(JSON.stringify({ number, code: error.code, cause: error.cause?.code }))
      }
      await registry.close().catch(() => {})`,
    )
    const limited = `ulimit -f 64; exec '${process.execPath}' '${program}'`
    const { stdout } = spawnSync('bash', ['-c', limited], { encoding: 'utf8', timeout: 60_000 })
    const said = JSON.parse(stdout)
    expect(said).toMatchObject({ code: 'SWITCHGEAR_STORE_FAILED', cause: 'EFBIG' })
    expect(said.number).toBeGreaterThan(10)
    expect(await found(path)).toBe(said.number)
  })
})
