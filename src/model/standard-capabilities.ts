import type { CapabilityDefinition } from './definition.js'
import type { ParameterSpecs } from './parameter.js'
import { frozenCopy } from './parse/words.js'

const models: ParameterSpecs = { models: { type: 'array', items: { type: 'string' } } }

const audioFormats: ParameterSpecs = {
  audio_formats: {
    type: 'array',
    items: { type: 'string', values: ['wav', 'mp3', 'flac', 'ogg', 'opus', 'm4a', 'aac'] },
  },
}

const pixels = (max: number) => ({ type: 'int', min: 64, max, description: 'pixels' }) as const

type Row = readonly [name: string, label: string, description: string, parameters?: ParameterSpecs]

const media: readonly Row[] = [
  [
    'image_generation',
    'Image generation',
    'makes images from a text or from other images',
    {
      width: pixels(2_048),
      height: pixels(2_048),
      steps: { type: 'int', min: 1, max: 150, description: 'steps of the sampler' },
      ...models,
    },
  ],
  [
    'video_generation',
    'Video generation',
    'makes videos from a text or from images',
    {
      width: pixels(1_920),
      height: pixels(1_080),
      frames: { type: 'int', min: 1, max: 300 },
      fps: { type: 'int', min: 1, max: 60, description: 'frames per second' },
      ...models,
    },
  ],
  [
    'audio_generation',
    'Audio generation',
    'makes sounds or music from a text',
    {
      duration: { type: 'float', min: 0.1, max: 300, description: 'seconds' },
      sample_rate: { type: 'int', values: [16_000, 22_050, 44_100, 48_000], description: 'hertz' },
      ...models,
    },
  ],
  ['music_generation', 'Music generation', 'makes music from a text', models],
  [
    'voice_cloning',
    'Voice cloning',
    'speaks or sings with the voice of a recording',
    { ...models, ...audioFormats },
  ],
  ['audio_separation', 'Audio separation', 'takes voices and instruments of a recording apart'],
  ['audio_transform', 'Audio transform', 'changes a recording, such as its voice'],
  ['speech_to_text', 'Speech to text', 'writes down what is said', models],
  ['text_to_speech', 'Text to speech', 'says a text', models],
  ['diarization', 'Diarization', 'tells who speaks when'],
  ['speaker_embedding', 'Speaker embedding', 'gives a vector for a voice'],
  ['speaker_recognition', 'Speaker recognition', 'tells whose voice it is'],
  ['voice_activity_detection', 'Voice activity', 'tells when somebody speaks'],
  ['image_captioning', 'Image captioning', 'describes an image in words'],
  ['object_detection', 'Object detection', 'finds things in an image'],
  ['ocr', 'Text recognition', 'reads the text in an image or a scan'],
  ['upscale', 'Upscale', 'makes images larger'],
  ['controlnet', 'ControlNet', 'follows a pose, an outline or a depth map'],
  ['training', 'Training', 'trains a model of its own'],
]

const language: readonly Row[] = [
  [
    'text_generation',
    'Text generation',
    'continues a text',
    {
      max_tokens: { type: 'int', min: 1, max: 100_000 },
      temperature: { type: 'float', min: 0, max: 2 },
      top_p: { type: 'float', min: 0, max: 1 },
    },
  ],
  [
    'chat',
    'Chat',
    'answers messages',
    {
      system_prompt: { type: 'string' },
      history_length: { type: 'int', min: 0, max: 100, description: 'earlier messages' },
    },
  ],
  ['embeddings', 'Embeddings', 'gives vectors for texts'],
  ['rerank', 'Rerank', 'orders texts by how well they answer a question'],
  ['moderation', 'Moderation', 'tells whether a text or an image is harmful'],
  ['reasoning', 'Reasoning', 'thinks before it answers'],
  ['fill_in_middle', 'Fill in the middle', 'writes what stands between two texts'],
  ['function_calling', 'Function calling', 'asks for functions to be called'],
  ['parallel_function_calling', 'Parallel function calling', 'asks for several functions at once'],
  ['structured_output', 'Structured output', 'answers as a JSON schema says'],
  ['json_mode', 'JSON mode', 'answers in JSON of a form of its own'],
  ['system_messages', 'System messages', 'follows instructions apart from the conversation'],
  ['prompt_caching', 'Prompt caching', 'charges less for the beginning of a prompt it knows'],
  ['vision', 'Vision', 'sees images'],
  ['audio_input', 'Audio input', 'listens to recordings'],
  ['audio_output', 'Audio output', 'answers with speech'],
  ['video_input', 'Video input', 'watches videos'],
  ['pdf_input', 'PDF input', 'reads PDF files'],
  ['file_input', 'File input', 'reads attached files'],
  ['realtime', 'Realtime', 'talks over an open connection'],
  ['streaming', 'Streaming', 'sends an answer while it is being made'],
  ['batch', 'Batch', 'works through many requests later, for less'],
]

const agents: readonly Row[] = [
  ['tool_use', 'Tools', 'has tools that can be called'],
  ['prompts', 'Prompts', 'has prompts to start from'],
  ['resources', 'Resources', 'has documents and data to read'],
  ['completions', 'Completions', 'completes arguments while they are typed'],
  ['web_search', 'Web search', 'searches the web'],
  ['code_execution', 'Code execution', 'runs code'],
  ['computer_use', 'Computer use', 'works with screen, mouse and keyboard'],
  ['citations', 'Citations', 'names its sources'],
  ['push_notifications', 'Push notifications', 'tells a webhook when something is done'],
]

/**
 * Capabilities of back ends, language models and agents as this package understands them, all of
 * version 1.0. Those without parameters are only there or not.
 */
export const standardCapabilities: readonly CapabilityDefinition[] = frozenCopy(
  [...media, ...language, ...agents].map(([name, label, description, parameters = {}]) => ({
    name,
    version: '1.0',
    label,
    description,
    parameters,
  })),
)
