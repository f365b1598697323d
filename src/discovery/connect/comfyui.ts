import { defaultAddressPolicy } from '../../core/address.js'
import { type Clock, systemClock } from '../../core/clock.js'
import { BackendError } from '../../core/errors.js'
import { field, nameOf } from '../../core/foreign.js'
import { ownWithSignal, signalAt, type TakesSignal } from '../../model/with-signal.js'
import { ComfyUIJob } from './comfyui-job.js'
import { filesIn } from './comfyui-read.js'
import type {
  ComfyUIBackend,
  ComfyUIBytes,
  ComfyUICallOptions,
  ComfyUIFile,
  ComfyUIGenerateOptions,
  ComfyUIQueue,
  ComfyUIResult,
} from './comfyui-types.js'
import { ComfyUIWire } from './comfyui-wire.js'
import { baseOf, type Connect, type ConnectOptions, headersFor } from './connect.js'

export interface ComfyUIConnectOptions extends ConnectOptions {
  /** Of one file or answer. Default 256 MiB. */
  readonly maxBytes?: number | undefined
}

/** Makes a `ComfyUIBackend` of a record. Needs no package. */
export function connectComfyUI(options: ComfyUIConnectOptions = {}): Connect<ComfyUIBackend> {
  return connectComfyUIOn(options, systemClock)
}

/** The same under another time, for tests. */
export function connectComfyUIOn(
  options: ComfyUIConnectOptions,
  clock: Clock,
): Connect<ComfyUIBackend> {
  const { policy = defaultAddressPolicy, maxBytes } = options
  return async (record) => {
    const base = await baseOf(record, policy)
    const headers = headersFor(options.headers, record)
    return new ComfyUI(new ComfyUIWire({ base, policy, headers, maxBytes }), clock)
  }
}

class ComfyUI implements ComfyUIBackend, TakesSignal {
  readonly [ownWithSignal] = signalAt({
    generate: 1,
    queue: 0,
    history: 1,
    view: 1,
    upload: 2,
    interrupt: 0,
  })
  readonly #wire: ComfyUIWire
  readonly #clock: Clock

  constructor(wire: ComfyUIWire, clock: Clock) {
    this.#wire = wire
    this.#clock = clock
  }

  async generate(workflow: object, options: ComfyUIGenerateOptions = {}): Promise<ComfyUIResult> {
    const job = new ComfyUIJob(this.#wire, this.#clock, options)
    const { id, outputs } = await job.run(workflow)
    return { id, outputs, files: filesIn(outputs) }
  }

  async queue({ signal }: ComfyUICallOptions = {}): Promise<ComfyUIQueue> {
    return this.#wire.queue(signal)
  }

  async history(
    id: string,
    { signal }: ComfyUICallOptions = {},
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    return this.#wire.history(id, signal)
  }

  async view(file: ComfyUIFile, { signal }: ComfyUICallOptions = {}): Promise<ComfyUIBytes> {
    return this.#wire.view(file, signal)
  }

  async upload(
    name: string,
    image: Uint8Array,
    { signal }: ComfyUICallOptions = {},
  ): Promise<ComfyUIFile> {
    const form = new FormData()
    form.append('image', new Blob([new Uint8Array(image)]), name)
    const body = await this.#wire.json('/upload/image', { method: 'POST', body: form }, signal)
    const filename = nameOf(field(body, 'name'))
    if (filename === undefined)
      throw new BackendError(this.#wire.url('/upload/image'), 'did not say where the image is')
    return {
      filename,
      subfolder: nameOf(field(body, 'subfolder')) ?? '',
      type: nameOf(field(body, 'type')) ?? 'input',
    }
  }

  async cancel(id: string): Promise<void> {
    await this.#wire.cancel(id)
  }

  async interrupt({ signal }: ComfyUICallOptions = {}): Promise<void> {
    await this.#wire.post('/interrupt', {}, signal)
  }
}
