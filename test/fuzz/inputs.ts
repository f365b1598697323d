import fc from 'fast-check'

/** So many in CI, twenty times as many with SWITCHGEAR_SOAK=<seed>, as `npm run soak` runs them. */
export const runs = (inCi: number): number =>
  process.env.SWITCHGEAR_SOAK === undefined ? inCi : 20 * inCi

export const seed = Number(process.env.SWITCHGEAR_SOAK ?? 20_261_121)

const odd = [
  '',
  ' ',
  '\u0000',
  '\ufeff',
  '/',
  '..',
  '@',
  '%',
  '\ud800',
  'é漢😀\u202e',
  '__proto__',
  'constructor',
  'switchgear.registration',
  'http',
  'embedded',
  'http://127.0.0.1:1',
  'http://169.254.169.254',
  'http://[::ffff:127.0.0.1]',
  'keep',
  'x'.repeat(300),
  'x'.repeat(4_000),
]

export const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...odd),
  fc.string({ unit: 'binary', maxLength: 40 }),
)

const number = fc.oneof(
  fc.constantFrom(0, -0, -1, 0.5, 1e308, -1e308, 5e-324, 2 ** 53, -(2 ** 63), 2 ** 31),
  fc.double(),
)

/** JSON as a text, which may say more than any value can: deep, with a key twice, with numbers too large. */
export const json: fc.Arbitrary<string> = fc.oneof(
  fc.oneof(text, number, fc.boolean(), fc.constant(null)).map((value) => JSON.stringify(value)),
  fc.jsonValue({ maxDepth: 4, depthSize: 'small' }).map((value) => JSON.stringify(value)),
  fc.constantFrom('1e999', '-1e999', '{"a":1,"a":2}', '{"__proto__":{"polluted":1}}', '[[],{}]'),
  fc
    .tuple(fc.constantFrom(['[', ']'], ['{"a":', '}']), fc.constantFrom(50, 1_000, 20_000))
    .map(([[open, close], depth]) => `${open.repeat(depth)}1${close.repeat(depth)}`),
)

/** One of several objects, of which one part is something else, is missing, or was never asked for. */
export const almost = (...valid: readonly object[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...valid), fc.nat(), fc.nat(3), text, json)
    .map(([object, at, how, key, value]) => {
      const parts = Object.entries(object).map(([name, one]) => [name, JSON.stringify(one)])
      const target = parts[at % parts.length]
      if (how === 0) parts.splice(at % parts.length, 1)
      else if (how === 1) parts.push([key, value])
      else if (how === 2 && target !== undefined) target[1] = value
      return `{${parts.map(([name, one]) => `${JSON.stringify(name)}:${one}`).join(',')}}`
    })

/** What is cut off, has a byte changed, or has something behind it. */
export const damaged = (whole: fc.Arbitrary<string>): fc.Arbitrary<Buffer> =>
  fc.tuple(whole, fc.nat(), fc.nat(9), fc.nat(255)).map(([sent, at, how, byte]) => {
    const bytes = Buffer.from(sent)
    if (how === 0) return bytes.subarray(0, at % (bytes.length + 1))
    if (how === 1 && bytes.length > 0) bytes[at % bytes.length] = byte
    if (how === 2) return Buffer.concat([bytes, Buffer.from([byte])])
    return bytes
  })
