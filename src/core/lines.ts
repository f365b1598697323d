/**
 * Cuts UTF-8 chunks into lines that end with LF, CRLF or CR, as server-sent events do; the last one
 * needs no end. Throws what `tooLong` gives as soon as a line has more than `most` characters, however
 * it arrives.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  most: number,
  tooLong: () => Error,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let begun: string[] = []
  let length = 0
  let afterCr = false
  const add = (part: string): void => {
    length += part.length
    if (length > most) throw tooLong()
    begun.push(part)
  }
  const take = (): string => {
    const line = begun.join('')
    begun = []
    length = 0
    return line
  }
  for await (const chunk of chunks) {
    const decoded = decoder.decode(chunk, { stream: true })
    if (decoded === '') continue
    // The line has ended with the CR before; this is the other half of its end.
    const text: string = afterCr && decoded.startsWith('\n') ? decoded.slice(1) : decoded
    afterCr = text.endsWith('\r')
    const [first = '', ...others] = text.split(/\r\n|\n|\r/)
    add(first)
    for (const other of others) {
      yield take()
      add(other)
    }
  }
  add(decoder.decode())
  if (length > 0) yield take()
}
