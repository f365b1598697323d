import { InvalidOptionsError, oneLine } from '../core/errors.js'
import { field, isObject, nameOf } from '../core/foreign.js'

/** Does what one capability means. What it returns is sent as JSON; nothing is sent as `null`. */
export type ModuleFunction = (
  params: unknown,
  context: { readonly signal: AbortSignal },
) => unknown | Promise<unknown>

export interface ModuleOptions {
  /** As it is called in `/_module/health`. */
  readonly name: string
  readonly capabilities: Readonly<Record<string, ModuleFunction>>
  /** Of a request. Default 1 MiB. */
  readonly maxBodyBytes?: number | undefined
}

/** Takes a request as the platform has it: for Hono, Deno, Bun, Next.js, and `moduleListener` of Node. */
export type ModuleHandler = (request: Request) => Promise<Response>

const mebi = 1_024 * 1_024

/**
 * Answers `GET /_module/health`, `GET /_module/capabilities` and `POST /_module/invoke`, below any path it is mounted
 * at. Errors are `{ error }`: 404 for what is unknown, 413 for a body that is too long,
 * 415 for one that is not called JSON, 500 for what a function threw.
 *
 * Throws `InvalidOptionsError`.
 */
export function moduleHandler(options: ModuleOptions): ModuleHandler {
  const { name, maxBodyBytes = mebi } = options
  refuse(options)
  const capabilities = new Map(Object.entries(options.capabilities))
  const routes: Readonly<Record<string, readonly [string, ModuleHandler]>> = {
    health: ['GET', async () => json(200, { status: 'healthy', app: name })],
    capabilities: ['GET', async () => json(200, { capabilities: [...capabilities.keys()] })],
    invoke: ['POST', (request) => invoke(request, capabilities, maxBodyBytes)],
  }
  return async (request) => {
    const [, route = ''] = /\/_module\/([a-z]+)\/?$/.exec(new URL(request.url).pathname) ?? []
    const [method, answer] = (Object.hasOwn(routes, route) && routes[route]) || []
    if (method === undefined || answer === undefined) return failed(404, 'Not found')
    const isAsked = request.method === method || (method === 'GET' && request.method === 'HEAD')
    if (!isAsked) return failed(405, `Method not allowed; use ${method}`, { allow: method })
    return answer(request)
  }
}

async function invoke(
  request: Request,
  capabilities: ReadonlyMap<string, ModuleFunction>,
  maxBodyBytes: number,
): Promise<Response> {
  // Pages of other origins can send anything else without asking, but not this.
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(type))
    return failed(415, 'Expected a body of type application/json')
  const body = await readBody(request, maxBodyBytes)
  if (body === undefined) return failed(413, `The body has more than ${maxBodyBytes} bytes`)
  const asked = parsed(body)
  const capability = field(asked, 'capability')
  if (typeof capability !== 'string')
    return failed(400, 'Expected a JSON object such as { "capability": "weather", "params": {} }')
  const work = capabilities.get(capability)
  if (work === undefined) return failed(404, `Unknown capability: ${oneLine(capability)}`)
  try {
    const result = await work(field(asked, 'params'), { signal: request.signal })
    return json(200, result ?? null)
  } catch (error) {
    return failed(500, oneLine(error))
  }
}

/** `undefined` when it is too long; no more of it is read then. */
async function readBody(request: Request, most: number): Promise<string | undefined> {
  const reader = request.body?.getReader()
  const chunks: Uint8Array[] = []
  for (let bytes = 0; reader !== undefined; ) {
    const { done, value } = await reader.read()
    if (done) break
    bytes += value.length
    // Not cancelled: that would take the connection, and the answer, with it.
    if (bytes > most) return undefined
    chunks.push(value)
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // no JSON is no object either
  }
}

function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const text = JSON.stringify(body) ?? 'null'
  const own = { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' }
  return new Response(text, { status, headers: { ...own, ...headers } })
}

const failed = (
  status: number,
  error: string,
  headers?: Readonly<Record<string, string>>,
): Response => json(status, { error }, headers)

function refuse({ name, capabilities, maxBodyBytes = mebi }: ModuleOptions): void {
  const issues = [
    nameOf(name) === undefined && { field: 'name', message: 'expected a text of one line' },
    !areFunctions(capabilities) && {
      field: 'capabilities',
      message: 'expected functions by name, such as { weather: async ({ city }) => ({ city }) }',
    },
    !(maxBodyBytes > 0) && { field: 'maxBodyBytes', message: 'expected bytes above 0' },
  ].filter((issue) => issue !== false)
  if (issues.length > 0) throw new InvalidOptionsError(issues, 'module')
}

const areFunctions = (value: unknown): boolean =>
  isObject(value) &&
  Object.entries(value).every(([name, work]) => nameOf(name) === name && typeof work === 'function')
