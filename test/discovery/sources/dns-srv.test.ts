import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAddressPolicy } from '../../../src/core/address.js'
import { InvalidOptionsError } from '../../../src/core/errors.js'
import { type DnsSrvOptions, dnsSrv } from '../../../src/discovery/sources/dns-srv.js'
import { FakeClock, sourceConformance } from '../../../src/testing/index.js'
import { needs } from '../../house/needs.js'
import { hasDnsmasq, noDnsmasq, startDnsmasq } from '../../real/dnsmasq.js'
import type { RealServer } from '../../real/server.js'
import { type DnsAnswer, serveDns } from './dns-double.js'
import { watching } from './watching.js'

const name = '_comfyui._tcp.example.com'

describe('with a real DNS server', { timeout: 60_000 }, () => {
  let dnsmasq: RealServer | undefined

  beforeAll(async () => {
    if (!hasDnsmasq) return
    dnsmasq = await startDnsmasq(
      `srv-host=${name},gpu-2.example.com,8189,20,0`,
      `srv-host=${name},gpu-1.example.com,8188,10,60`,
      `txt-record=${name},type=comfyui,"capabilities=image_generation,upscale",version=0.3.64`,
      'srv-host=_gone._tcp.example.com',
      'txt-record=_empty._tcp.example.com,x=1',
    )
  }, 60_000)

  afterAll(() => dnsmasq?.stop())

  beforeEach((context) => needs(context, hasDnsmasq, noDnsmasq))

  const source = (of: string, options: Partial<DnsSrvOptions> = {}) =>
    dnsSrv(of, { service: 'media', servers: [`127.0.0.1:${dnsmasq?.port}`], ...options })

  for (const { name: promise, run } of sourceConformance(() => source(name))) it(promise, run)

  it('sees targets as providers, the preferred first, and what the TXT record says of all', async () => {
    const view = await watching(source(name)).next()
    const common = {
      service: 'media',
      version: '0.3.64',
      metadata: { type: 'comfyui' },
      capabilities: ['image_generation', 'upscale'],
    }
    expect(view).toMatchObject({
      authoritative: false,
      sightings: [
        {
          ...common,
          name: 'media@gpu-1.example.com:8188',
          address: 'http://gpu-1.example.com:8188',
          group: 10,
          weight: 60,
        },
        { ...common, name: 'media@gpu-2.example.com:8189', group: 20, weight: 0.01 },
      ],
    })
  })

  it('knows that the root as target means decidedly none, and does not vouch for other emptiness', async () => {
    const none = async (of: string) => watching(source(of)).next()
    expect(await none('_gone._tcp.example.com')).toEqual({ sightings: [], authoritative: true })
    expect(await none('_empty._tcp.example.com')).toEqual({ sightings: [], authoritative: false })
    expect(await none('_never._tcp.example.com')).toEqual({ sightings: [], authoritative: false })
  })

  it('fails when the server is not responsible for the name', async () => {
    await expect(watching(source('_a._tcp.example.org')).next()).rejects.toThrow(
      'The SRV records of _a._tcp.example.org: the look-up was refused by the DNS server; ask one that is responsible for the name (EREFUSED)',
    )
  })
})

describe('dnsSrv', () => {
  const srv = (...targets: readonly string[]): DnsAnswer => ({
    srv: targets.map((target, at) => [1, at, 8000 + at, target]),
  })

  /** Answers that can be changed, and a source that looks for them. */
  async function scene(first: Record<'SRV' | 'TXT', DnsAnswer>, options?: Partial<DnsSrvOptions>) {
    const said = { ...first }
    const { server, asked } = await serveDns((type) => said[type])
    const clock = new FakeClock()
    const source = dnsSrv(name, { service: 'media', servers: [server], clock, ...options })
    return { said, asked, clock, watch: watching(source) }
  }

  it('looks again every 30 seconds of its clock', async () => {
    const { said, asked, clock, watch } = await scene({ SRV: srv('a.lan'), TXT: { txt: [] } })
    expect(await watch.names()).toEqual(['media@a.lan:8000'])
    said.SRV = srv('b.lan', 'a.lan')
    const second = watch.names()
    await clock.advance(29_999)
    expect(asked).toHaveLength(2)
    await clock.advance(1)
    expect(await second).toEqual(['media@a.lan:8001', 'media@b.lan:8000'])
    const ended = watch.next()
    watch.stop.abort()
    expect(await ended).toBeUndefined()
  })

  it.each([
    ['SERVFAIL', 'SRV', /failed at the DNS server; it may know again later \(ESERVFAIL\)/],
    ['SERVFAIL', 'TXT', /TXT records of _comfyui\._tcp\.example\.com: the look-up failed/],
    ['silence', 'SRV', /was not answered in time.* \(ETIMEOUT\)/],
  ] as const)('takes %s for %s as a failure, not as nothing', async (answer, type, message) => {
    const answers = { SRV: srv('a.lan'), TXT: { txt: [] }, [type]: answer }
    const { watch } = await scene(answers, { timeoutMs: 50 })
    await expect(watch.next()).rejects.toThrow(message)
  })

  it('sees providers without TXT records, and need not ask for them', async () => {
    const { watch } = await scene({ SRV: srv('a.lan'), TXT: 'NXDOMAIN' })
    expect(await watch.names()).toEqual(['media@a.lan:8000'])
    const silent = await scene({ SRV: srv('a.lan'), TXT: 'silence' }, { txt: false })
    expect(await silent.watch.names()).toEqual(['media@a.lan:8000'])
    expect(silent.asked).toEqual([`SRV ${name}`])
  })

  it('names a target once, where it is preferred, and leaves out what can be no host', async () => {
    const { watch } = await scene({
      SRV: {
        srv: [
          [9, 1, 80, 'a.lan'],
          [3, 1, 80, 'A.lan'],
          [1, 1, 80, 'b lan'],
          [1, 1, 80, 'x@evil/../b'],
          [1, 1, 80, ''],
        ],
      },
      TXT: { txt: [] },
    })
    const view = await watch.next()
    expect(view?.sightings.map((one) => [one.name, one.group])).toEqual([['media@a.lan:80', 3]])
  })

  it('reads TXT as keys in any case, the first of each, and pollutes nothing', async () => {
    const { watch } = await scene(
      {
        SRV: srv('a.lan'),
        TXT: {
          txt: [
            ['Capabilities=chat, @odd,,vision', 'capabilities=other', '__proto__=x', 'flag', '=y'],
            ['Region=eu', 'version=2'],
          ],
        },
      },
      {
        capabilities: [{ name: 'chat', version: '2.0' }],
        handler: 'Talk',
        group: -1,
        scheme: 'https',
      },
    )
    expect((await watch.next())?.sightings).toEqual([
      expect.objectContaining({
        address: 'https://a.lan:8000',
        handler: 'Talk',
        group: 0,
        capabilities: [{ name: 'chat', version: '2.0' }, 'vision'],
        version: '2',
        metadata: { flag: '', region: 'eu' },
      }),
    ])
    expect({}).not.toHaveProperty('x')
  })

  it('ends at once when it is aborted while it waits for an answer', async () => {
    const { asked, watch } = await scene({ SRV: 'silence', TXT: 'silence' })
    const ended = watch.next()
    await expect.poll(() => asked.length).toBe(1)
    watch.stop.abort()
    expect(await ended).toBeUndefined()
  })

  it('asks only servers that the policy lets it ask', async () => {
    const policy = createAddressPolicy({ privateNetworks: false })
    const { asked, watch } = await scene({ SRV: srv('a.lan'), TXT: { txt: [] } }, { policy })
    await expect(watch.next()).rejects.toThrow(/Refused to connect to '127.0.0.1'/)
    expect(asked).toEqual([])
  })

  it.each([
    ['bad name', {}, /name: expected a DNS name, such as _comfyui/],
    ['', {}, /name: /],
    [name, { service: ' ' }, /service: expected the service/],
    [name, { servers: ['127.0.0.1', 'dns.example.com'] }, /servers\[1\]: expected an IP address/],
    [name, { servers: ['127.0.0.1:99999'] }, /servers\[0\]/],
    [
      name,
      { servers: ['::1', '[::1]:53', '[127.0.0.1]'], everyMs: 0 },
      /everyMs: .*above 0, got 0/,
    ],
  ])('refuses %j with %j', (of, options, message) => {
    const make = () => dnsSrv(of, { service: 'media', ...options })
    expect(make).toThrow(InvalidOptionsError)
    expect(make).toThrow(message)
  })

  it('is named after the name, or as it is told', () => {
    expect(dnsSrv(name, { service: 'media' }).name).toBe(`dns:${name}`)
    expect(dnsSrv(name, { service: 'media', name: 'mine' }).name).toBe('mine')
  })
})
