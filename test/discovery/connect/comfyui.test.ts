import { describe, expect, it } from 'vitest'
import { connectComfyUIOn } from '../../../src/discovery/connect/comfyui.js'
import {
  type ComfyUIBackend,
  type ComfyUIProgress,
  connectComfyUI,
} from '../../../src/discovery/index.js'
import { BackendError, HttpError, ServiceRegistry } from '../../../src/index.js'
import { FakeClock } from '../../../src/testing/index.js'
import { ComfyUIDouble } from './comfyui-double.js'
import { recordAt } from './record.js'

const never = new AbortController().signal
const workflow = { '9': { class_type: 'SaveImage', inputs: {} } }
const image = { filename: 'a.png', subfolder: '', type: 'output' }
const outputs = { '9': { images: [image], text: ['done'] } }

const connected = async (comfy: ComfyUIDouble): Promise<ComfyUIBackend> =>
  connectComfyUI()(recordAt(comfy.url), never)

/** Runs each workflow at once, with all that ComfyUI says meanwhile. */
async function working(): Promise<ComfyUIDouble> {
  const comfy = await new ComfyUIDouble().start()
  comfy.onPrompt = (prompt_id, client) => {
    comfy.say(client, 'execution_start', { prompt_id })
    comfy.say(client, 'executing', { node: '3', prompt_id })
    comfy.say(client, 'progress', { value: 1, max: 2, node: '3', prompt_id })
    comfy.frame(client, 0x82, Buffer.alloc(70_000)) // a preview
    comfy.frame(client, 0x89, Buffer.from('ping'))
    comfy.say(client, 'progress', { value: 1, max: 9, node: '7', prompt_id: 'of somebody else' })
    comfy.say(client, 'executed', { node: '9', output: {}, prompt_id })
    comfy.finish(prompt_id, outputs)
    comfy.say(client, 'execution_success', { prompt_id })
    comfy.say(client, 'executing', { node: null, prompt_id })
  }
  return comfy
}

describe('connectComfyUI', () => {
  it('runs a workflow, tells of its progress, and gives outputs and files', async () => {
    const comfy = await working()
    comfy.files.set('a.png', Buffer.from('png'))
    const backend = await connected(comfy)
    const progress: ComfyUIProgress[] = []
    const result = await backend.generate(workflow, {
      onProgress: (one) => progress.push(one),
      extraData: { extra_pnginfo: {} },
    })
    expect(result).toMatchObject({ outputs, files: [image] })
    expect(progress).toEqual([
      { stage: 'queued' },
      { stage: 'running', node: '3' },
      { stage: 'step', node: '3', value: 1, max: 2 },
      { stage: 'node-done', node: '9' },
    ])
    expect(comfy.bodies[0]).toMatchObject({ prompt: workflow, extra_data: { extra_pnginfo: {} } })
    const file = result.files[0]
    expect(file && (await backend.view(file))).toEqual({
      bytes: new Uint8Array(Buffer.from('png')),
      type: 'image/png',
    })
    expect(await backend.history(result.id)).toMatchObject({ outputs })
    expect(await backend.history('unknown')).toBeUndefined()
  })

  it('never sends an Origin, which ComfyUI refuses', async () => {
    const comfy = await working()
    await (await connected(comfy)).generate(workflow)
    expect(comfy.asked).toContain('GET /ws')
    expect(new Set(comfy.origins)).toEqual(new Set([undefined]))
  })

  it('tells of the queue, uploads an image, and interrupts', async () => {
    const comfy = await new ComfyUIDouble().start()
    comfy.running.push('r')
    comfy.pending.push('p', 'q')
    const backend = await connected(comfy)
    expect(await backend.queue()).toEqual({ running: ['r'], pending: ['p', 'q'] })
    const file = await backend.upload('cat.png', new Uint8Array([1, 2]))
    expect(file).toEqual({ filename: 'cat.png', subfolder: '', type: 'input' })
    expect(String(comfy.bodies[0])).toContain('filename="cat.png"')
    await backend.interrupt()
    expect(comfy.asked).toContain('POST /interrupt')
    await expect(backend.view({ ...image, filename: 'gone.png' })).rejects.toMatchObject({
      kind: 'status',
      status: 404,
    })
  })

  it.each([
    ['breaks off in the middle', true],
    ['never comes about', false],
  ])('asks the history when the socket %s', async (_, hasSocket) => {
    const comfy = await new ComfyUIDouble().start()
    comfy.hasSocket = hasSocket
    comfy.onPrompt = (_id, client) => comfy.hangUp(client)
    const clock = new FakeClock()
    const backend = await connectComfyUIOn({}, clock)(recordAt(comfy.url), never)
    const call = backend.generate(workflow)
    await comfy.seen('POST /prompt')
    const [id = ''] = comfy.pending
    const until = async (what: string): Promise<void> => {
      const before = comfy.asked.filter((one) => one === what).length
      while (comfy.asked.filter((one) => one === what).length === before) {
        clock.advance(500)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await until('GET /queue') // it waits, so it is not forgotten
    comfy.finish(id, outputs)
    await until(`GET /history/${id}`)
    expect(await call).toMatchObject({ id, files: [image] })
  })

  it('names the nodes that are wrong, and takes that for a mistake of the caller', async () => {
    const comfy = await new ComfyUIDouble().start()
    comfy.refusal = {
      status: 400,
      body: {
        error: {
          type: 'prompt_outputs_failed_validation',
          message: 'No good outputs',
          details: '',
        },
        node_errors: {
          '4': {
            class_type: 'CheckpointLoaderSimple',
            errors: [{ message: 'Value not in list', details: "ckpt_name: 'x' not in []" }],
            dependent_outputs: ['9'],
          },
        },
      },
    }
    const registry = new ServiceRegistry<{ media: ComfyUIBackend }>()
    registry.register({
      service: 'media',
      name: 'a',
      address: comfy.url,
      connect: connectComfyUI(),
    })
    const error = await registry
      .client('media')
      .generate(workflow)
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BackendError)
    expect(error).toMatchObject({ status: 400, retryable: false, details: { '4': {} } })
    expect((error as Error).message).toBe(
      `${comfy.url}/prompt did not take the workflow: No good outputs; ` +
        "node 4 (CheckpointLoaderSimple): Value not in list (ckpt_name: 'x' not in [])",
    )
    expect(registry.get('a')?.circuit).toMatchObject({ failures: 0, neutral: 1 })
    await registry.close()
  })

  it('says which node failed and why, and what somebody interrupted', async () => {
    const comfy = await new ComfyUIDouble().start()
    comfy.onPrompt = (prompt_id, client) =>
      comfy.say(client, 'execution_error', {
        prompt_id,
        node_id: '3',
        node_type: 'KSampler',
        exception_message: 'CUDA out of memory\nand much more',
        exception_type: 'OutOfMemoryError',
      })
    const backend = await connected(comfy)
    await expect(backend.generate(workflow)).rejects.toMatchObject({
      message: `${comfy.url}/prompt could not run node 3 (KSampler): CUDA out of memory`,
      retryable: true,
      details: { exception: 'OutOfMemoryError' },
    })
    comfy.onPrompt = (prompt_id, client) =>
      comfy.say(client, 'execution_interrupted', { prompt_id, node_id: '3', node_type: 'KSampler' })
    await expect(backend.generate(workflow)).rejects.toThrow(
      /was interrupted by somebody at node 3/,
    )
  })

  it('reads a failure from the history where the socket said nothing of it', async () => {
    const comfy = await new ComfyUIDouble().start()
    comfy.onPrompt = (id, client) => {
      const data = { node_id: '3', node_type: 'KSampler', exception_message: 'no' }
      comfy.finish(id, {}, { status_str: 'error', messages: [['execution_error', data]] })
      comfy.say(client, 'executing', { node: null, prompt_id: id })
    }
    await expect((await connected(comfy)).generate(workflow)).rejects.toThrow(/KSampler\): no$/)
  })

  it('says when ComfyUI has forgotten it', async () => {
    const comfy = await new ComfyUIDouble().start()
    comfy.onPrompt = (_id, client) => {
      comfy.pending.length = 0
      comfy.hangUp(client)
    }
    await expect((await connected(comfy)).generate(workflow)).rejects.toThrow(/has forgotten/)
  })

  it('takes a run that is given up out of the queue', async () => {
    const comfy = await new ComfyUIDouble().start()
    const giveUp = new AbortController()
    const call = (await connected(comfy)).generate(workflow, {
      signal: giveUp.signal,
      onProgress: () => giveUp.abort(),
    })
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    await comfy.seen('POST /queue')
    expect(comfy.pending).toEqual([])
    expect(comfy.asked).not.toContain('POST /interrupt')
  })

  it('interrupts a run whose call timed out, and that run alone', async () => {
    const comfy = await new ComfyUIDouble().start()
    comfy.onPrompt = (id) => {
      comfy.pending.length = 0
      comfy.running.push(id)
    }
    const registry = new ServiceRegistry<{ media: ComfyUIBackend }>()
    const connect = connectComfyUI()
    const circuit = { timeoutMs: 200 }
    registry.register({ service: 'media', name: 'a', address: comfy.url, connect, circuit })
    await expect(registry.client('media').generate(workflow)).rejects.toMatchObject({
      timeoutMs: 200,
    })
    await comfy.seen('POST /interrupt')
    expect(comfy.bodies.at(-1)).toEqual({ prompt_id: comfy.running[0] })
    await registry.close()
  })

  it('fails over to another ComfyUI', async () => {
    const comfy = await working()
    const registry = new ServiceRegistry<{ media: ComfyUIBackend }>()
    const connect = connectComfyUI()
    registry.register({ service: 'media', name: 'a', address: 'http://127.0.0.1:1', connect })
    registry.register({ service: 'media', name: 'b', address: comfy.url, connect })
    expect(await registry.client('media').generate(workflow)).toMatchObject({ files: [image] })
    expect(registry.get('a')?.circuit.failures).toBe(1)
    await registry.close()
  })

  it('believes no answer', async () => {
    const comfy = await working()
    const nonsense = { '1': 7, '2': { images: [null, { filename: 3 }, { filename: 'ok.png' }] } }
    comfy.onPrompt = (id, client) => {
      comfy.frame(client, 0x81, Buffer.from('no json'))
      comfy.frame(client, 0x81, Buffer.from('[1]'))
      comfy.finish(id, nonsense)
      comfy.frame(client, 0xf1, Buffer.from('no frame'))
    }
    const backend = await connected(comfy)
    expect((await backend.generate(workflow)).files).toEqual([
      { filename: 'ok.png', subfolder: '', type: 'output' },
    ])
    comfy.refusal = { status: 200, body: [] }
    await expect(backend.generate(workflow)).rejects.toThrow(/did not say under which id/)
    comfy.refusal = { status: 500, body: '<html>' }
    await expect(backend.generate(workflow)).rejects.toThrow(HttpError)
    comfy.refusal = { status: 400, body: null }
    await expect(backend.generate(workflow)).rejects.toThrow(/gave no reason/)
  })
})
