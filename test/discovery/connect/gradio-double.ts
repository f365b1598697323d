import type { ServerResponse } from 'node:http'
import { serve } from '../../core/servers.js'

/** Stands in for an app of Gradio 6 with one function, `/slow`, whose jobs the test brings to an end. */
export async function gradioDouble(config: object = {}) {
  const asked: string[] = []
  const jobs: string[] = []
  let events: ServerResponse | undefined
  let join = 200
  const { url } = await serve(async (request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '')
    asked.push(path)
    const json = (value: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    request.resume()
    if (path === '/config') json({ ...whole, ...config })
    else if (path === '/gradio_api/info')
      json({ named_endpoints: { '/slow': { parameters: [], returns: [] } }, unnamed_endpoints: {} })
    else if (path === '/gradio_api/queue/join') {
      if (join !== 200) return json({ detail: 'full' }, join)
      jobs.push(`job-${jobs.length}`)
      json({ event_id: jobs.at(-1) })
    } else if (path === '/gradio_api/queue/data') {
      events = response
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n')
    } else json({})
  })
  return {
    url,
    asked,
    jobs,
    answerJoinWith: (status: number): void => {
      join = status
    },
    isListenedTo: (): boolean => events !== undefined,
    say(message: object): void {
      events?.write(`data: ${JSON.stringify(message)}\n\n`)
    },
    hangUp(): void {
      events?.destroy()
      events = undefined
    },
  }
}

const whole = {
  version: '6.0.0',
  protocol: 'sse_v3',
  api_prefix: '/gradio_api',
  root: 'http://elsewhere.invalid',
  connect_heartbeat: true,
  enable_queue: true,
  components: [{ id: 1, type: 'textbox', props: {} }],
  dependencies: [
    { id: 0, api_name: 'slow', targets: [], inputs: [], outputs: [1], queue: true, types: {} },
  ],
}
