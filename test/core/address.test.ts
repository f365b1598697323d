import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AddressPolicyOptions, createAddressPolicy } from '../../src/core/address.js'
import {
  ForbiddenAddressError,
  type ForbiddenReason,
  HttpError,
  InvalidOptionsError,
} from '../../src/core/errors.js'

type Target = Parameters<ReturnType<typeof createAddressPolicy>['check']>[0]

/** The reason, or `ok`. Names resolve as the table says. */
async function verdict(
  target: Target,
  options: AddressPolicyOptions = {},
  names: Readonly<Record<string, readonly string[]>> = {},
): Promise<ForbiddenReason | 'ok' | 'dns'> {
  const resolve = async (hostname: string): Promise<readonly string[]> => names[hostname] ?? []
  try {
    await createAddressPolicy({ resolve, ...options }).check(target)
    return 'ok'
  } catch (error) {
    if (error instanceof ForbiddenAddressError) return error.reason
    if (error instanceof HttpError && error.kind === 'dns') return 'dns'
    throw error
  }
}

describe('an address policy', () => {
  it.each([
    'http://127.0.0.1:8188/queue',
    'https://127.255.255.254',
    'ws://[::1]:8188/ws',
    'wss://10.0.0.1',
    'http://172.31.255.255:65535',
    'http://192.168.1.20:1',
    'http://[fd12:3456::1]:80',
    'HTTP://LOCALHOST:8188',
    'http://0x7f.1/',
    'http://2130706433/',
  ])('lets %s be connected to', async (url) => {
    expect(await verdict(url, {}, { localhost: ['127.0.0.1', '::1'] })).toBe('ok')
  })

  it.each<[string, ForbiddenReason]>([
    ['http://169.254.169.254/latest/meta-data', 'metadata'],
    ['http://2852039166/', 'metadata'],
    ['http://0251.0376.0251.0376/', 'metadata'],
    ['http://025177524776/', 'metadata'],
    ['http://0xA9FEA9FE/', 'metadata'],
    ['http://0xa9.0376.43518/', 'metadata'],
    ['http://169.254.169.254./', 'metadata'],
    ['http://%31%36%39.254.169.254/', 'metadata'],
    ['http://１６９．２５４．１６９．２５４/', 'metadata'],
    ['http://169。254。169。254/', 'metadata'],
    ['http://[fd00:ec2::254]/', 'metadata'],
    ['http://100.100.100.200/', 'metadata'],
    ['http://169.254.1.1/', 'link-local'],
    ['http://[fe80::1]/', 'link-local'],
    ['http://[FEBF:ffff::1]/', 'link-local'],
    ['http://[fe80::1%25eth0]/', 'not-a-url'],
    ['http://0.0.0.0:8188/', 'unspecified'],
    ['http://0/', 'unspecified'],
    ['http://[::]/', 'unspecified'],
    ['http://[0:0:0:0:0:0:0:0]/', 'unspecified'],
    ['http://224.0.0.1/', 'multicast'],
    ['http://[ff02::1]/', 'multicast'],
    ['http://255.255.255.255/', 'broadcast'],
    ['http://192.0.2.1/', 'documentation'],
    ['http://[2001:db8::1]/', 'documentation'],
    ['http://[::ffff:169.254.169.254]/', 'embedded-ipv4'],
    ['http://[::ffff:7f00:1]/', 'embedded-ipv4'],
    ['http://[0:0:0:0:0:FFFF:10.0.0.1]/', 'embedded-ipv4'],
    ['http://[::127.0.0.1]/', 'embedded-ipv4'],
    ['http://[2002:a9fe:a9fe::1]/', 'embedded-ipv4'],
    ['http://[64:ff9b::169.254.169.254]/', 'metadata'],
    ['http://[64:ff9b::]/', 'unspecified'],
    ['http://[64:ff9b::8.8.8.8]/', 'not-listed'],
    ['http://8.8.8.8/', 'not-listed'],
    ['http://172.32.0.1/', 'not-listed'],
    ['http://100.64.0.1/', 'not-listed'],
    ['http://198.18.0.1/', 'not-listed'],
    ['http://240.0.0.1/', 'not-listed'],
    ['http://[2606:4700::1]/', 'not-listed'],
    ['http://127.0.0.1@8.8.8.8/', 'user-info'],
    ['http://user:secret@127.0.0.1/', 'user-info'],
    ['http://8.8.8.8\\@127.0.0.1/', 'not-a-url'],
    ['http://127.0.0.1\t.8.8/', 'not-a-url'],
    [' http://127.0.0.1/', 'not-a-url'],
    ['http://127.0.0.1:70000/', 'not-a-url'],
    ['http://127.0.0.1:-1/', 'not-a-url'],
    ['http://127.0.0.1:0/', 'port'],
    ['http://127.0.0.1:http/', 'not-a-url'],
    ['http://1.2.3.4.5/', 'not-a-url'],
    ['http://256.1.1.1/', 'not-a-url'],
    ['http://a..b/', 'host'],
    ['http://a*b/', 'host'],
    [`http://${'a'.repeat(64)}.example/`, 'host'],
    ['http://', 'not-a-url'],
    ['', 'not-a-url'],
    ['127.0.0.1:8188', 'not-a-url'],
    ['localhost:8188', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['ftp://127.0.0.1/', 'scheme'],
    ['javascript:alert(1)', 'scheme'],
    [`http://127.0.0.1/${'x'.repeat(5_000)}`, 'not-a-url'],
  ])('refuses %s as %s', async (url, reason) => {
    expect(await verdict(url)).toBe(reason)
  })

  it.each<[string, number, string]>([
    ['127.0.0.1', 8188, 'ok'],
    ['::1', 8188, 'ok'],
    ['[::1]', 8188, 'ok'],
    ['LOCALHOST.', 1, 'ok'],
    ['0x7f.1', 65_535, 'ok'],
    ['169.254.169.254', 80, 'metadata'],
    ['::ffff:169.254.169.254', 80, 'embedded-ipv4'],
    ['fe80::1%eth0', 80, 'host'],
    ['127.0.0.1', 0, 'port'],
    ['127.0.0.1', -1, 'port'],
    ['127.0.0.1', 70_000, 'port'],
    ['127.0.0.1', 80.5, 'port'],
    ['127.0.0.1', Number.NaN, 'port'],
    ['127.0.0.1:80', 80, 'host'],
    ['127.0.0.1:9', 80, 'host'],
    ['127.0.0.1/x', 80, 'host'],
    ['u@127.0.0.1', 80, 'host'],
    ['127.0.0.1#', 80, 'host'],
    ['', 80, 'host'],
  ])('judges host %s with port %s: %s', async (host, port, expected) => {
    expect(await verdict({ host, port }, {}, { localhost: ['127.0.0.1'] })).toBe(expected)
  })

  it('says where the connection may go, with the usual port of the scheme', async () => {
    const policy = createAddressPolicy({ resolve: async () => ['10.0.0.1', '::1', '10.0.0.1'] })
    expect(await policy.check('wss://Gpu-1.Lan./ws')).toEqual({
      hostname: 'gpu-1.lan',
      port: 443,
      addresses: ['10.0.0.1', '::1'],
    })
    expect(await policy.check(new URL('http://[::1]'))).toEqual({
      hostname: '::1',
      port: 80,
      addresses: ['::1'],
    })
  })

  it('lets a name through only if all that it leads to may be connected to', async () => {
    const names = {
      good: ['10.0.0.1', '127.0.0.1'],
      mixed: ['127.0.0.1', '169.254.169.254'],
      public: ['93.184.216.34'],
      zone: ['fe80::1%eth0'],
      odd: ['not an address'],
    }
    const judged = await Promise.all(
      [...Object.keys(names), 'nowhere'].map((name) => verdict(`http://${name}/`, {}, names)),
    )
    expect(judged).toEqual(['ok', 'metadata', 'not-listed', 'link-local', 'host', 'dns'])
  })

  it('leaves the zone of a resolved address out: it says no more than by which way', async () => {
    const policy = createAddressPolicy({ resolve: async () => ['fd00::1%eth0', 'fd00::1'] })
    expect((await policy.check('http://gpu-1')).addresses).toEqual(['fd00::1'])
  })

  it('is not led astray by a resolver that fails', async () => {
    const resolve = async (): Promise<string[]> => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
    }
    const refused = createAddressPolicy({ resolve }).check('http://gpu-1')
    await expect(refused).rejects.toMatchObject({ kind: 'dns', cause: { code: 'ENOTFOUND' } })
    await expect(refused).rejects.toThrow(/^gpu-1 could not be resolved/)
  })
})

describe('an allow-list', () => {
  const names = {
    'api.example.com': ['93.184.216.34'],
    'a.b.example.com': ['93.184.216.34'],
    'example.com': ['93.184.216.34'],
    'evilexample.com': ['93.184.216.34'],
    'meta.example.com': ['169.254.169.254'],
    'v6.example.com': ['64:ff9b::5db8:d822'],
  }
  const judged = (target: Target, ...allow: string[]) => verdict(target, { allow }, names)

  it('adds names and suffixes, exactly', async () => {
    expect(await judged('http://api.example.com', 'API.example.com.')).toBe('ok')
    expect(await judged('http://a.b.example.com', '*.example.com')).toBe('ok')
    expect(await judged('http://v6.example.com', '*.example.com')).toBe('ok')
    expect(await judged('http://example.com', '*.example.com')).toBe('not-listed')
    expect(await judged('http://evilexample.com', '*.example.com')).toBe('not-listed')
    expect(await judged('http://a.b.example.com', 'example.com')).toBe('not-listed')
  })

  it('adds networks and single addresses', async () => {
    expect(await judged('http://100.64.1.2', '100.64.0.0/10')).toBe('ok')
    expect(await judged('http://8.8.8.8', '8.8.8.8')).toBe('ok')
    expect(await judged('http://8.8.8.9', '8.8.8.8')).toBe('not-listed')
    expect(await judged('http://[2606:4700::1]', '2606:4700::/32')).toBe('ok')
    expect(await judged('http://api.example.com', '93.184.216.0/24')).toBe('ok')
  })

  it('never opens what gives away credentials, however wide it is', async () => {
    const all = ['0.0.0.0/0', '::/0', '*.example.com']
    for (const [url, reason] of [
      ['http://169.254.169.254', 'metadata'],
      ['http://meta.example.com', 'metadata'],
      ['http://[fe80::1]', 'link-local'],
      ['http://[::ffff:8.8.8.8]', 'embedded-ipv4'],
      ['http://[64:ff9b::a9fe:a9fe]', 'metadata'],
    ] as const)
      expect(await judged(url, ...all), url).toBe(reason)
    expect(await judged('http://8.8.8.8', ...all)).toBe('ok')
    expect(await judged('http://[64:ff9b::8.8.8.8]', ...all)).toBe('ok')
  })

  it('alone counts without private networks', async () => {
    const only = { privateNetworks: false, allow: ['10.1.0.0/16'] }
    expect(await verdict('http://10.1.2.3', only)).toBe('ok')
    expect(await verdict('http://10.2.2.3', only)).toBe('not-listed')
    expect(await verdict('http://127.0.0.1', only)).toBe('not-listed')
  })

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '2130706433',
    '0x7f.1',
    'fe80::1%eth0',
    'http://example.com',
    'example.com:80',
    '*',
    'a.*.com',
    '',
    '169.254.169.254',
    '169.254.0.0/16',
    '::ffff:10.0.0.0/104',
    'fe80::/64',
  ])('refuses %j, which would do nothing or not what it seems', (entry) => {
    expect(() => createAddressPolicy({ allow: ['10.0.0.0/8', entry] })).toThrow(
      /^Invalid address policy:\n {2}allow\[1\]: /,
    )
    expect(() => createAddressPolicy({ allow: [entry] })).toThrow(InvalidOptionsError)
  })

  it('may name loopback itself', async () => {
    expect(await verdict('http://[::1]', { privateNetworks: false, allow: ['::1'] })).toBe('ok')
  })
})

describe('the message', () => {
  it('says which address, why, and what to do', () => {
    expect(new ForbiddenAddressError('169.254.1.1', 'link-local', 'evil.example').message).toBe(
      "Refused to connect to '169.254.1.1', which 'evil.example' leads to, because it is link-local, where clouds give away credentials, so nothing ever connects to it; give another address",
    )
    expect(new ForbiddenAddressError('8.8.8.8', 'not-listed').message).toContain('`allow`')
  })

  it('keeps passwords to itself, and is one line', () => {
    const error = new ForbiddenAddressError('http://user:secret@x/\nevil', 'user-info')
    expect(`${error.message} ${error.address}`).not.toMatch(/secret|evil/)
  })
})

/* The oracle: ranges as numbers, compared as numbers. Written from RFC 6890, not from the code. */

const ipv4 = (a: number, b = 0, c = 0, d = 0): bigint =>
  BigInt(a) * 0x1000000n + BigInt(b) * 0x10000n + BigInt(c) * 0x100n + BigInt(d)
const open4: readonly (readonly [bigint, bigint])[] = [
  [ipv4(10), ipv4(10, 255, 255, 255)],
  [ipv4(127), ipv4(127, 255, 255, 255)],
  [ipv4(172, 16), ipv4(172, 31, 255, 255)],
  [ipv4(192, 168), ipv4(192, 168, 255, 255)],
]
const isOpen4 = (value: bigint): boolean => open4.some(([lo, hi]) => value >= lo && value <= hi)
/** fc00::/7 without what clouds keep in it. */
const isOpen6 = (value: bigint): boolean =>
  value === 1n ||
  (value >> 121n === 0xfcn >> 1n &&
    value >> 96n !== 0xfd000ec2n &&
    ![
      0xfd20_00ce_0000_0000_0000_0000_0000_0254n,
      0xfd00_00c1_0000_0000_0000_0000_a9fe_a9fen,
      0xfd00_0042_0000_0000_0000_0000_0000_0042n,
    ].includes(value))

const edges4 = [...open4.flat(), ipv4(169, 254, 169, 254), ipv4(224), ipv4(240), 0n, 2n ** 32n - 1n]
const number4 = fc.oneof(
  fc
    .tuple(fc.constantFrom(...edges4), fc.integer({ min: -2, max: 2 }))
    .map(([edge, off]) => BigInt.asUintN(32, edge + BigInt(off))),
  fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }),
)
const edges6 = [
  1n,
  0xfcn << 120n,
  0xfen << 120n,
  0xfe80n << 112n,
  0xfd000ec2n << 96n,
  0xffffn << 32n,
  0x64ff9bn << 96n,
  0x20010db8n << 96n,
]
const number6 = fc.oneof(
  fc
    .tuple(fc.constantFrom(...edges6), fc.integer({ min: -2, max: 2 }))
    .map(([edge, off]) => BigInt.asUintN(128, edge + BigInt(off))),
  fc.tuple(fc.constantFrom(...edges6), number4).map(([edge, low]) => edge | low),
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
)

const radix = fc.constantFrom<(value: bigint) => string>(
  (value) => String(value),
  (value) => `0${value.toString(8)}`,
  (value) => `0x${value.toString(16)}`,
  (value) => `0X000${value.toString(16).toUpperCase()}`,
)
const disguise = fc.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => `${text}.`,
  (text) => text.replaceAll('.', '。'),
  (text) => text.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit))),
  (text) => text.replace(/\d/g, (digit) => `%3${digit}`),
)
const spelling4 = fc
  .tuple(
    number4,
    fc.integer({ min: 1, max: 4 }),
    fc.array(radix, { minLength: 4, maxLength: 4 }),
    disguise,
  )
  .map(([value, parts, write, hide]) => {
    const restBits = BigInt(8 * (5 - parts))
    const octets = Array.from(
      { length: parts - 1 },
      (_, at) => (value >> BigInt(24 - 8 * at)) & 255n,
    )
    const all = [...octets, value & ((1n << restBits) - 1n)]
    return [value, hide(all.map((one, at) => write[at]?.(one)).join('.'))] as const
  })
const spelling6 = fc
  .tuple(number6, fc.boolean(), fc.boolean(), fc.boolean())
  .map(([value, padded, upper, dotted]) => {
    const groups = Array.from({ length: 8 }, (_, at) =>
      ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16).padStart(padded ? 4 : 1, '0'),
    )
    const low = [24n, 16n, 8n, 0n].map((bits) => (value >> bits) & 255n).join('.')
    const text = (dotted ? [...groups.slice(0, 6), low] : groups).join(':')
    const short = padded
      ? text
      : text.replace(/(?:^|:)0(?::0)+(?=:|$)/, (run, at) =>
          at === 0 && run.length === text.length ? '::' : ':',
        )
    const fixed = padded || !short.endsWith(':') || short.endsWith('::') ? short : `${short}:`
    return [value, `[${upper ? fixed.toUpperCase() : fixed}]`] as const
  })

describe('against an oracle', () => {
  const policy = createAddressPolicy({ resolve: async () => [] })
  const passes = (host: string): Promise<boolean> =>
    policy.check(`http://${host}:80/`).then(
      () => true,
      (error) => {
        expect(error, host).toBeInstanceOf(ForbiddenAddressError)
        expect(['not-a-url', 'host'], host).not.toContain(error.reason)
        return false
      },
    )

  it('judges any IPv4 address in any spelling', async () => {
    await fc.assert(
      fc.asyncProperty(spelling4, async ([value, host]) => {
        expect(await passes(host), host).toBe(isOpen4(value))
      }),
      { numRuns: 2_000 },
    )
  })

  it('judges any IPv6 address in any spelling', async () => {
    await fc.assert(
      fc.asyncProperty(spelling6, async ([value, host]) => {
        expect(await passes(host), host).toBe(isOpen6(value))
      }),
      { numRuns: 2_000 },
    )
  })

  it('does not throw anything else at any text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl()), async (text) => {
        await policy.check({ host: text, port: 80 }).catch((error) => {
          expect(error instanceof ForbiddenAddressError || error instanceof HttpError).toBe(true)
        })
      }),
      { numRuns: 300 },
    )
  })
})
