/** Sequences that terminals obey: CSI, OSC and other strings up to their end, and two-byte ones. */
const escapes =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g
const breaks = /[\t\n\r\v\f\u0085\u2028\u2029]+/g
/** Controls, and what turns the direction of a text around or hides in it. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}]/gu

/** A text of anybody's, on one line and harmless in a terminal. */
export const clean = (text: string): string =>
  text.replace(escapes, '').replace(breaks, ' ').replace(unseen, '')

/** The same, keeping its lines. */
export const cleanLines = (text: string): string => text.split('\n').map(clean).join('\n')

/** JSON as it is, for people to read; what a terminal might obey is written as `\uXXXX`. */
export const toJson = (value: unknown): string => harmless(JSON.stringify(value, undefined, 2))

/** The same on one line, for programs that read line by line. */
export const toJsonLine = (value: unknown): string => harmless(JSON.stringify(value))

const harmless = (json: string): string =>
  `${json.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (one) => (one === '\n' ? one : escaped(one)))}\n`

const escaped = (text: string): string =>
  Array.from(
    { length: text.length },
    (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('')
