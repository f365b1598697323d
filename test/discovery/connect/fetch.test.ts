import { describe, expect, it } from 'vitest'
import { fetchFor } from '../../../src/discovery/connect/fetch.js'
import { HttpError } from '../../../src/index.js'
import { deferred, serve } from '../../core/servers.js'

const big = 'x'.repeat(3 * 1_024 * 1_024)

describe('the fetch that clients of others are given', () => {
  it('does what a fetch does', async () => {
    const { url } = await serve(async (request, response) => {
      let body = ''
      for await (const part of request) body += part
      const { method, headers } = request
      response.writeHead(method === 'DELETE' ? 204 : 200, { 'x-y': 'z' })
      response.end(JSON.stringify({ method, type: headers['content-type'], a: headers.a, body }))
    })
    const fetched = fetchFor({ base: new URL(url), headers: { A: 'ours' } })
    const response = await fetched(url, { method: 'POST', body: 'text', headers: { a: 'theirs' } })
    expect(response).toMatchObject({ ok: true, status: 200 })
    expect(response.headers.get('x-y')).toBe('z')
    const asked = { method: 'POST', type: 'text/plain;charset=UTF-8', a: 'ours', body: 'text' }
    expect(await response.json()).toEqual(asked)
    const put = await fetched(new Request(url, { method: 'PUT', body: 'x' }))
    expect(await put.json()).toMatchObject({ method: 'PUT', body: 'x' })
    const gone = await fetched(new URL(url), { method: 'DELETE' })
    expect(gone).toMatchObject({ status: 204, body: null })
    await expect(fetched(url, { method: 'PATCH' })).rejects.toThrow(TypeError)
  })

  it('gives a redirect only to whoever asks for it, and never follows one', async () => {
    const { url } = await serve((_, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    )
    const fetched = fetchFor({ base: new URL(url) })
    await expect(fetched(`${url}/x?key=secret`)).rejects.toThrow(
      `${url}/x answered with a redirect (302), and none is followed`,
    )
    expect(await fetched(url, { redirect: 'manual' })).toMatchObject({ status: 302 })
  })

  it('connects to no address that is forbidden', async () => {
    const fetched = fetchFor({ base: new URL('http://127.0.0.1') })
    for (const url of ['http://169.254.169.254/', 'http://192.0.2.1/', 'http://[::]/'])
      await expect(fetched(url), url).rejects.toMatchObject({ kind: 'forbidden' })
  })

  it('reads no more than it may, but streams of events for as long as they come', async () => {
    const { url } = await serve((request, response) => {
      const type = request.url === '/events' ? 'text/event-stream' : 'text/plain'
      response.writeHead(200, { 'content-type': type })
      response.end(big)
    })
    const fetched = fetchFor({ base: new URL(url), maxBytes: 1_000 })
    const long = await fetched(`${url}/text`)
    await expect(long.text()).rejects.toMatchObject({ kind: 'too-large' })
    expect(await (await fetched(`${url}/events`)).text()).toBe(big)
  })

  it('rejects with the reason of the signal, before, during and after the head', async () => {
    const begun = deferred<void>()
    const server = await serve((request, response) => {
      if (request.url === '/head') begun.resolve()
      else response.writeHead(200).write('a')
    })
    const fetched = fetchFor({ base: new URL(server.url) })
    const reason = new Error('enough')
    await expect(fetched(server.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const early = new AbortController()
    const head = fetched(`${server.url}/head`, { signal: early.signal })
    await begun.promise
    early.abort(reason)
    await expect(head).rejects.toBe(reason)
    const late = new AbortController()
    const { body } = await fetched(server.url, { signal: late.signal })
    const reader = body?.getReader()
    await reader?.read()
    late.abort(reason)
    await expect(reader?.read()).rejects.toBe(reason)
    const left = await fetched(server.url)
    await left.body?.cancel()
    await server.allClosed()
  })

  it('rejects a status that its client would lose, without repeating a key', async () => {
    const { url } = await serve((_, response) =>
      response.writeHead(401).end('{"detail":"key sk-secret is unknown"}'),
    )
    const headers = { authorization: 'Bearer sk-secret' }
    const fetched = fetchFor({ base: new URL(url), headers, refuses: (status) => status === 401 })
    const error = await fetched(url).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ kind: 'status', status: 401 })
    expect((error as Error).message).toBe(`${url}/ answered with status 401: key *** is unknown`)
  })
})
