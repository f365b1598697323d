import { mkdtempSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { View } from '../../src/discovery/source.js'
import { staticFile } from '../../src/discovery/static-file.js'
import { FakeClock } from '../../src/testing/index.js'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchgear-static-'))
  path = join(folder, 'providers.json')
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

let written = 0

/** Each time of another age, as a file system with a coarse clock would show it later. */
function write(text: string): void {
  writeFileSync(`${path}.new`, text)
  written += 1
  utimesSync(`${path}.new`, written, written)
  renameSync(`${path}.new`, path)
}

function watched() {
  const clock = new FakeClock()
  const stop = new AbortController()
  const views = staticFile(path, { clock }).watch(stop.signal)[Symbol.asyncIterator]()
  const next = async (): Promise<View | undefined> => (await views.next()).value
  return { clock, stop, next }
}

const provider = (name: string) => ({ service: 'llm', name, address: `http://${name}` })

describe('staticFile', () => {
  it('is named after the file', () => {
    expect(staticFile('/etc/providers.json').name).toBe('file:providers.json')
    expect(staticFile('/etc/providers.json', { name: 'mine' }).name).toBe('mine')
  })

  it('yields what is in the file, and again when that changes', async () => {
    write(JSON.stringify({ providers: [provider('a')] }))
    const { clock, next, stop } = watched()
    expect(await next()).toEqual({ sightings: [provider('a')], authoritative: true })
    const second = next()
    await clock.advance(3_000)
    write(JSON.stringify([provider('a'), provider('b')]))
    await clock.advance(1_000)
    expect(await second).toMatchObject({ sightings: [provider('a'), provider('b')] })
    const last = next()
    stop.abort()
    expect(await last).toBeUndefined()
  })

  it('throws what is wrong with the file, by name', async () => {
    await expect(watched().next()).rejects.toThrow(/ENOENT/)
    write('{"providers": [')
    await expect(watched().next()).rejects.toThrow(/providers\.json is no JSON: /)
    write('{"services": []}')
    await expect(watched().next()).rejects.toThrow(/holds no providers: expected a list/)
    write('null')
    await expect(watched().next()).rejects.toThrow(/holds no providers/)
    write('x'.repeat(100))
    const views = staticFile(path, { maxBytes: 99 }).watch(new AbortController().signal)
    await expect(views[Symbol.asyncIterator]().next()).rejects.toThrow(/has 100 bytes, more than/)
  })

  it('fails when the file goes away, and has not read it in vain when it comes back the same', async () => {
    write(JSON.stringify([provider('a')]))
    const { clock, next } = watched()
    await next()
    const gone = next()
    unlinkSync(path)
    await Promise.all([expect(gone).rejects.toThrow(/ENOENT/), clock.advance(1_000)])
    write(JSON.stringify([provider('a')]))
    expect(await watched().next()).toMatchObject({ sightings: [provider('a')] })
  })
})
