// @ts-check
/**
 * A small OpenAI-compatible server: POST /v1/chat/completions, streamed or not, and
 * GET /v1/models.
 *
 * Forked, it says `{ port }` over IPC, takes `{ answer: 200 | 429 | 500 }` there, and exits with
 * its parent. By hand (`node openai-server.js 4001`) it prints its address as one line of JSON.
 */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const models = ['example-chat', 'example-chat-mini']
const longestBody = 1_000_000
const thinkMs = { least: 30, most: 70 }
const tokenMs = { least: 10, most: 30 }
const fingerprint = `fp_${randomBytes(5).toString('hex')}`

const answers = [
  'A circuit breaker stops calling what keeps failing, and tries it again after a rest.',
  'Fail over at once when nothing was sent, and only if it is safe when something was.',
  'Paris is the capital of France; it lies on the Seine and has about two million inhabitants.',
  'Choosing a provider is not succeeding with it, so only the outcome of a call counts.',
  'The tides follow the moon, which pulls on the near side of the sea more than on the far side.',
]

/** What chat requests are answered with at present. */
let answer = 200

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

/**
 * @typedef {object} ChatRequest
 * @property {string} model
 * @property {unknown[]} messages
 * @property {boolean} [stream]
 * @property {{ include_usage?: boolean }} [stream_options]
 * @property {number} [max_completion_tokens]
 */

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    if (!response.headersSent) refuse(response, 500, 'server_error', String(error))
    else response.destroy()
  })
})

/** @param {Request} request @param {Response} response */
async function handle(request, response) {
  response.setHeader('x-request-id', `req_${randomBytes(16).toString('hex')}`)
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  const route = `${request.method} ${pathname}`
  if (route === 'GET /v1/models') return listModels(response)
  if (route !== 'POST /v1/chat/completions')
    return refuse(response, 404, 'invalid_request_error', `Unknown request URL: ${route}.`)
  const chat = await readChat(request, response)
  if (chat === undefined) return
  if (answer === 500) return failInside(response)
  if (answer === 429) return limitRate(response, chat.model)
  const startedAt = performance.now()
  await pause(thinkMs)
  if (response.destroyed) return
  response.setHeader('openai-processing-ms', Math.round(performance.now() - startedAt))
  if (chat.stream) await stream(response, chat)
  else complete(response, chat)
}

/** @param {Response} response */
function listModels(response) {
  const data = models.map((id) => ({
    id,
    object: 'model',
    created: 1_735_689_600,
    owned_by: 'example',
  }))
  send(response, 200, { object: 'list', data })
}

/**
 * @param {Request} request @param {Response} response
 * @returns {Promise<ChatRequest | undefined>} nothing when the request was refused
 */
async function readChat(request, response) {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > longestBody) {
      refuse(response, 413, 'invalid_request_error', 'The request body is too large.')
      return undefined
    }
  }
  const chat = parsed(text)
  const problem =
    typeof chat !== 'object' || chat === null
      ? 'We could not parse the JSON body of your request.'
      : typeof chat.model !== 'string'
        ? 'You must provide a model parameter.'
        : !Array.isArray(chat.messages) || chat.messages.length === 0
          ? "Missing required parameter: 'messages'."
          : undefined
  if (problem === undefined) return chat
  refuse(response, 400, 'invalid_request_error', problem)
  return undefined
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// --- answers -----------------------------------------------------------------------------------

/** @param {Response} response @param {ChatRequest} chat */
function complete(response, chat) {
  const { tokens, finishReason } = tokensFor(chat)
  const message = { role: 'assistant', content: tokens.join(''), refusal: null, annotations: [] }
  send(response, 200, {
    ...head(chat, 'chat.completion'),
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
    usage: usageOf(chat, tokens.length),
  })
}

/** @param {Response} response @param {ChatRequest} chat */
async function stream(response, chat) {
  const { tokens, finishReason } = tokensFor(chat)
  const withUsage = chat.stream_options?.include_usage === true
  const common = { ...head(chat, 'chat.completion.chunk'), ...(withUsage && { usage: null }) }
  /** @param {object} delta @param {string | null} finish */
  const chunk = (delta, finish = null) =>
    event({ ...common, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })

  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  // The first token takes the role along, as it does where real models answer.
  const [first = '', ...rest] = tokens
  const opening = { role: 'assistant', content: '', refusal: null }
  response.write(chunk(opening) + chunk({ content: first }))
  for (const content of rest) {
    await pause(tokenMs)
    if (response.destroyed) return
    response.write(chunk({ content }))
  }
  response.write(chunk({}, finishReason))
  if (withUsage)
    response.write(event({ ...common, choices: [], usage: usageOf(chat, tokens.length) }))
  response.end('data: [DONE]\n\n')
}

/** @param {ChatRequest} chat @param {string} object */
function head({ model }, object) {
  return {
    id: `chatcmpl-${randomBytes(15).toString('base64url')}`,
    object,
    created: Math.floor(Date.now() / 1_000),
    model,
    service_tier: 'default',
    system_fingerprint: fingerprint,
  }
}

/** @param {ChatRequest} chat */
function tokensFor({ max_completion_tokens: most = Number.POSITIVE_INFINITY }) {
  const text = answers[Math.floor(Math.random() * answers.length)] ?? ''
  const all = text.match(/\s?\S+/g) ?? []
  return { tokens: all.slice(0, most), finishReason: all.length > most ? 'length' : 'stop' }
}

/** About four characters make a token. @param {ChatRequest} chat @param {number} completion */
function usageOf({ messages }, completion) {
  const prompt = Math.ceil(JSON.stringify(messages).length / 4)
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  }
}

// --- refusals ----------------------------------------------------------------------------------

/** @param {Response} response */
function failInside(response) {
  const message = 'The server had an error while processing your request. Sorry about that!'
  refuse(response, 500, 'server_error', message)
}

/** @param {Response} response @param {string} model */
function limitRate(response, model) {
  response.setHeader('retry-after', 1)
  response.setHeader('x-ratelimit-limit-requests', 60)
  response.setHeader('x-ratelimit-remaining-requests', 0)
  response.setHeader('x-ratelimit-reset-requests', '1s')
  const limit = 'on requests per min (RPM): Limit 60, Used 60, Requested 1'
  const message = `Rate limit reached for ${model} ${limit}. Please try again in 1s.`
  refuse(response, 429, 'requests', message, 'rate_limit_exceeded')
}

/**
 * @param {Response} response @param {number} status @param {string} type @param {string} message
 * @param {string | null} code
 */
function refuse(response, status, type, message, code = null) {
  send(response, status, { error: { message, type, param: null, code } })
}

/** @param {Response} response @param {number} status @param {unknown} body */
function send(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

/** @param {unknown} data */
const event = (data) => `data: ${JSON.stringify(data)}\n\n`

/** @param {{ least: number, most: number }} range */
const pause = ({ least, most }) => sleep(least + Math.random() * (most - least))

// --- the process -------------------------------------------------------------------------------

const port = Number(process.argv[2] ?? 0)
const forked = process.send !== undefined
const giveUpAt = performance.now() + 5_000

server.on('listening', () => {
  const address = server.address()
  if (typeof address !== 'object' || address === null) return
  if (forked) process.send?.({ port: address.port })
  else console.log(JSON.stringify({ url: `http://127.0.0.1:${address.port}/v1` }))
})

server.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
  // The port of a server that was just killed may take a moment to be free.
  if (error.code === 'EADDRINUSE' && performance.now() < giveUpAt) setTimeout(listen, 100)
  else {
    console.error(`openai-server: ${error.message}`)
    process.exit(1)
  }
})

if (forked) {
  process.on('message', (/** @type {{ answer: number }} */ message) => {
    answer = message.answer
  })
  process.on('disconnect', () => process.exit(0))
  // Ctrl-C reaches the whole process group; what is in flight is to be answered all the same.
  process.on('SIGINT', () => {})
}

function listen() {
  server.listen(port, '127.0.0.1')
}

listen()
