/** A file that a workflow made, as `view` fetches it. */
export interface ComfyUIFile {
  readonly filename: string
  readonly subfolder: string
  /** Of the folder: `output`, `temp` or `input`. */
  readonly type: string
}

/** What is going on with a workflow. `value` of `max` steps of the node that is running. */
export interface ComfyUIProgress {
  /** `queued`, `running` (another node begins), `step` (within a node) or `node-done`. */
  readonly stage: 'queued' | 'running' | 'step' | 'node-done'
  readonly node?: string | undefined
  readonly value?: number | undefined
  readonly max?: number | undefined
}

export interface ComfyUIGenerateOptions {
  readonly signal?: AbortSignal | undefined
  /** Called as things happen; what it throws ends the call. */
  readonly onProgress?: ((progress: ComfyUIProgress) => void) | undefined
  /** Kept by ComfyUI with the images, such as `{ extra_pnginfo: … }`. */
  readonly extraData?: Readonly<Record<string, unknown>> | undefined
}

export interface ComfyUIResult {
  /** ComfyUI's id of the run. */
  readonly id: string
  /** What each node that has outputs gave, by node, as ComfyUI says it. */
  readonly outputs: Readonly<Record<string, unknown>>
  /** All files among the outputs; `view` fetches one. */
  readonly files: readonly ComfyUIFile[]
}

export interface ComfyUIQueue {
  /** Ids of what runs and of what waits. */
  readonly running: readonly string[]
  readonly pending: readonly string[]
}

export interface ComfyUIBytes {
  readonly bytes: Uint8Array
  /** Such as `image/png`. */
  readonly type: string
}

export interface ComfyUICallOptions {
  readonly signal?: AbortSignal | undefined
}

/** ComfyUI, spoken to as its own page does. */
export interface ComfyUIBackend {
  /**
   * Runs a workflow in the API format (in ComfyUI: "Export (API)") and waits for its outputs. When the signal aborts,
   * it is taken out of the queue, or interrupted if it runs.
   *
   * Rejects with `BackendError`: with status 400, and the nodes in `details`, when the workflow is wrong; without one
   * when a node failed, when somebody interrupted it, or when ComfyUI has forgotten it. With `HttpError` when there
   * is no answer, and with an `AbortError` when the signal aborts.
   */
  generate(workflow: object, options?: ComfyUIGenerateOptions): Promise<ComfyUIResult>
  queue(options?: ComfyUICallOptions): Promise<ComfyUIQueue>
  /** As ComfyUI says it; `undefined` while it runs or waits, and when it is unknown. */
  history(
    id: string,
    options?: ComfyUICallOptions,
  ): Promise<Readonly<Record<string, unknown>> | undefined>
  view(file: ComfyUIFile, options?: ComfyUICallOptions): Promise<ComfyUIBytes>
  /** Makes an image available to `LoadImage` nodes; gives the file to name there. */
  upload(name: string, image: Uint8Array, options?: ComfyUICallOptions): Promise<ComfyUIFile>
  /** Takes a run out of the queue, or interrupts it if it runs. */
  cancel(id: string): Promise<void>
  /** Interrupts what runs now, whoever asked for it. */
  interrupt(options?: ComfyUICallOptions): Promise<void>
}
