import { describe, expect, it } from 'vitest'
import { fingerprints } from '../../../src/discovery/fingerprints/all.js'
import type { DiscoverOptions } from '../../../src/discovery/scan/options.js'
import { authority, targetsOf } from '../../../src/discovery/scan/targets.js'

const targets = (options: DiscoverOptions = {}) => targetsOf(fingerprints, options)
const places = (options: DiscoverOptions) =>
  targets(options).targets.map(({ host, port }) => authority(host, port))

describe('where a scan looks', () => {
  it('is the usual ports first, then those given, then 8000 to 8200, on both families', () => {
    const all = places({ backends: { comfyui: { ports: [9999] } } })
    expect(all.slice(0, 2).map((place) => place.replace(/\d+$/, ''))).toEqual([
      '127.0.0.1:',
      '[::1]:',
    ])
    const at = (place: string): number => all.indexOf(place)
    expect(at('127.0.0.1:8188')).toBeLessThan(at('127.0.0.1:9999'))
    expect(at('127.0.0.1:9999')).toBeLessThan(at('127.0.0.1:8001'))
    for (let port = 8_000; port <= 8_200; port++) {
      expect(at(`127.0.0.1:${port}`)).toBeGreaterThanOrEqual(0)
      expect(at(`[::1]:${port}`)).toBeGreaterThanOrEqual(0)
    }
  })

  it('names each place once, with every kind whose port it is', () => {
    const all = places({})
    expect(new Set(all).size).toBe(all.length)
    const shared = targets().targets.find(({ host, port }) => host === '::1' && port === 7860)
    expect([...(shared?.kinds ?? [])]).toEqual(expect.arrayContaining(['wan2gp', 'automatic1111']))
  })

  it('asks hosts of one kind at its ports only', () => {
    const all = places({ range: false, backends: { comfyui: { hosts: ['10.0.0.7'], ports: [9] } } })
    expect(all.filter((place) => place.startsWith('10.'))).toEqual(['10.0.0.7:8188', '10.0.0.7:9'])
    expect(all).toContain('127.0.0.1:9')
  })

  it('takes addresses to bind to for the machine itself, and names as they are', () => {
    const hosts = ['0.0.0.0', '::', '[fd00::1]', 'GPU-1.local']
    const found = new Set(targets({ hosts, range: false }).targets.map(({ host }) => host))
    expect([...found]).toEqual(['127.0.0.1', '::1', 'fd00::1', 'gpu-1.local'])
  })

  it.each([0, -1, 70_000, 1.5, Number.NaN, 'http', null])(
    'reports the port %s, and looks at the others',
    (port) => {
      const ports = [port as number, 9_001]
      const { problems, targets: found } = targets({
        range: false,
        backends: { comfyui: { ports } },
      })
      expect(problems).toEqual([
        { field: 'backends.comfyui.ports[0]', message: expect.stringMatching(/^is no port: /) },
      ])
      expect(found.some(({ port: one }) => one === 9_001)).toBe(true)
    },
  )

  it.each([['http://gpu:1'], ['gpu:8188'], [''], ['a b'], ['user@gpu'], [7 as unknown as string]])(
    'reports the host %s',
    (host) => {
      const { problems } = targets({ hosts: [host], range: false })
      expect(problems).toEqual([
        { field: 'hosts[0]', message: expect.stringContaining('is no host') },
      ])
    },
  )

  it.each([['ftp://gpu'], ['gpu'], ['http://me:secret@gpu'], ['']])(
    'reports the address %s without its secrets',
    (address) => {
      const { problems } = targets({ addresses: [address] })
      expect(problems).toMatchObject([{ field: 'addresses[0]' }])
      expect(JSON.stringify(problems)).not.toContain('secret')
    },
  )

  it('reports kinds that nobody knows, and ranges that are none or too wide', () => {
    const { problems } = targets({ backends: { comfyiu: {} }, range: [1, 65_535] })
    expect(problems.map(({ field }) => field)).toEqual(['backends.comfyiu', 'range'])
    expect(targets({ range: [9, 8] }).problems).toMatchObject([{ field: 'range' }])
  })

  it('keeps nothing of one look for the next (B-D4)', () => {
    targets({ backends: { comfyui: { ports: [9_001] } } })
    expect(places({})).not.toContain('127.0.0.1:9001')
  })
})
