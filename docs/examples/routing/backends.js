// @ts-check

/** @typedef {import('switchgear').Capability} Capability */

/**
 * Four back ends as they would be registered. What they make here is a line of text: the example is
 * about who gets the job. With the real ones, `provider` is a client of theirs.
 *
 * @type {readonly { name: string, version: string, capabilities: readonly Capability[] }[]}
 */
export const backends = [
  {
    name: 'comfyui',
    version: '0.3.64',
    capabilities: [
      {
        name: 'image_generation',
        version: '1.2',
        parameters: { width: { type: 'int', min: 64, max: 4_096 } },
      },
      {
        name: 'video_generation',
        version: '1.9',
        parameters: { models: { items: { values: ['ltx-video', 'cogvideo'] } } },
      },
    ],
  },
  {
    name: 'wan2gp',
    version: '9.1',
    capabilities: [
      {
        name: 'video_generation',
        version: '1.10',
        parameters: { models: { items: { values: ['causvid', 'hunyuan-video'] } } },
      },
    ],
  },
  {
    name: 'rvc',
    version: '2.2',
    capabilities: [
      {
        name: 'voice_cloning',
        version: '1.0',
        parameters: { audio_formats: { items: { values: ['wav', 'mp3'] } } },
      },
    ],
  },
  {
    name: 'audioldm',
    version: '2.0',
    // Nothing is said of its parameters, so the standard definition counts.
    capabilities: [{ name: 'audio_generation', version: '1.0' }],
  },
]
