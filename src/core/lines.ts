/**
 * Cuts UTF-8 chunks into lines that end with LF or CRLF; the last one needs no end.
 * Throws what `tooLong` gives as soon as a line has more than `most` characters, however it arrives.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  most: number,
  tooLong: () => Error,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let begun: string[] = []
  let length = 0
  const add = (part: string): void => {
    length += part.length
    if (length > most) throw tooLong()
    begun.push(part)
  }
  const take = (): string => {
    const line = begun.join('')
    begun = []
    length = 0
    return line.endsWith('\r') ? line.slice(0, -1) : line
  }
  for await (const chunk of chunks) {
    const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n')
    add(first)
    for (const other of others) {
      yield take()
      add(other)
    }
  }
  add(decoder.decode())
  if (length > 0) yield take()
}
