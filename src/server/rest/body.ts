import { OperationError } from '../operation-error.js'

const mostBytes = 1_024 * 1_024

interface Sent {
  header(name: string): string | undefined
  readonly body: AsyncIterable<Uint8Array>
}

/** The JSON of a request; `undefined` for an empty body. Throws `too-large`, `unsupported-type`, `invalid`. */
export async function readBody({ header, body }: Sent): Promise<unknown> {
  if (Number(header('content-length') ?? 0) > mostBytes) throw tooLarge()
  const bytes = await readBytes(body)
  if (bytes.length === 0) return undefined
  const type = (header('content-type') ?? '').split(';')[0]?.trim() ?? ''
  if (!/^application\/(?:[\w.+-]+\+)?json$/i.test(type))
    throw new OperationError(
      'unsupported-type',
      'UNSUPPORTED_MEDIA_TYPE',
      'Send JSON, with "content-type: application/json"',
    )
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new OperationError('invalid', 'INVALID_JSON', 'Invalid JSON payload')
  }
}

async function readBytes(body: Sent['body']): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of body) {
      bytes += chunk.length
      if (bytes > mostBytes) throw tooLarge()
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof OperationError) throw error
    throw new OperationError('invalid', 'BAD_REQUEST', 'The body did not come whole')
  }
  return Buffer.concat(chunks)
}

const tooLarge = (): OperationError =>
  new OperationError('too-large', 'BODY_TOO_LARGE', 'A body has at most 1 MiB')
