import type { Capability } from './capability.js'

type Family = readonly [pattern: RegExp, ...capabilities: readonly string[]]

/**
 * What a model is for, by its name, where the name tells. Matched against the name in lower case,
 * without the folder or organisation before it and without the end of a file name. Every family that fits counts.
 */
const families: readonly Family[] = [
  [/^sd(?:[-_.]|xl|\d|$)|^stable[-_]?(?:diffusion|cascade)/, 'image_generation'],
  [/^v\d[-_]\d[-_](?:pruned|inpaint)|^v2-1[-_]|(?:^|[-_])sdxl(?:[-_]|$)/, 'image_generation'],
  [/^flux(?:[-_.\d]|$)|^qwen[-_]?image|^z[-_]?image|^hidream|^ideogram|^krea/, 'image_generation'],
  [/^(?:dall-e|gpt-image|chatgpt-image|imagen|midjourney|recraft)/, 'image_generation'],
  [/^(?:hunyuan[-_]?(?:image|dit)|seedream|nano-banana|photon)/, 'image_generation'],
  [
    /^(?:kolors|pixart|auraflow|omnigen|chroma|sana|kandinsky|playground-v|lumina)/,
    'image_generation',
  ],
  [/^gemini.*-image|^(?:juggernaut|dreamshaper|realvis|animagine|pony)/, 'image_generation'],
  // Wan2GP has an image family by a name that elsewhere is a language model's.
  [/^qwen$/, 'image_generation', 'text_generation', 'chat'],

  [/^ltx(?:[-_\d]|v|$)|^cog(?:[-_]|video)|^causvid/, 'video_generation'],
  [/^wan(?:[-_.\d]|x|$)|^hunyuan(?:[-_]?(?:video|\d|i2v|t2v|custom|avatar)|$)/, 'video_generation'],
  [/^mochi|^cosmos(?!.*reason)|^svd|^stable[-_]?video|^magi[-_]/, 'video_generation'],
  [/^longcat(?!.*(?:flash|chat))|^minimax[-_]?(?:h\d|video|hailuo)|^hailuo/, 'video_generation'],
  [/(?:^|[-_])(?:t2v|i2v|ti2v|vace)(?:[-_]|$)|^(?:text|image)2video/, 'video_generation'],
  [/^(?:animatediff|skyreels|framepack|open-?sora|pyramid-flow|allegro)/, 'video_generation'],
  [/^(?:sora|veo|kling|vidu|seedance|pika|luma|ray-?\d|runway)(?:[-_.\d]|$)/, 'video_generation'],

  [/^audio[-_]?(?:ldm|gen)|^musicgen|^stable[-_]?audio|^ace[-_]?step/, 'audio_generation'],
  [
    /^(?:riffusion|diffrhythm|yue|magnet|suno|lyria|tango|mmaudio|music)(?:[-_.\d]|$)/,
    'audio_generation',
  ],

  [/^rvc|^so-?vits|^seed-?vc|^openvoice/, 'voice_cloning'],
  [/^(?:xtts|f5[-_]?tts|gpt-?sovits|cosyvoice|chatterbox)/, 'voice_cloning', 'text_to_speech'],
  [
    /(?:^|[-_])tts(?:[-_.\d]|$)|^(?:kokoro|bark|piper|parler|orpheus|speecht5|vits)/,
    'text_to_speech',
  ],
  [/^(?:eleven|melo|fish-speech|outetts|kitten)/, 'text_to_speech'],
  [/whisper|[-_]transcribe|^(?:parakeet|canary|wav2vec|sensevoice|moonshine)/, 'speech_to_text'],

  [/embed|^(?:bge|gte|e5|mxbai|voyage|all-minilm|all-mpnet)[-_](?!rerank)/, 'embeddings'],
  [/rerank/, 'rerank'],
  [/moderation|^(?:llama-guard|shieldgemma)/, 'moderation'],
  [/(?:^|[-_])ocr(?:[-_.\d]|$)/, 'ocr'],
  [/esrgan|ultrasharp|^swinir/, 'upscale'],
]

/** Language models, unless a family above knows the name better: `qwen3-embedding` does not chat. */
const language =
  /^(?:gpt|chatgpt|o\d|claude|gemini|gemma|qwen|qwq|mistral|mixtral|ministral|magistral|codestral|devstral|phi|deepseek|command|grok|glm|kimi|yi|falcon|vicuna|granite|olmo|smollm|hermes|sonar|jamba|nemotron|minimax-m|longcat-flash|tiefighter|amazon\.nova|nova|titan-text)(?:[-_.:\d]|$)|llama/

const noCapabilities: readonly string[] = Object.freeze([])
const languageCapabilities: readonly string[] = Object.freeze(['text_generation', 'chat'])

/** What the families above can tell about. Of other capabilities a name says nothing. */
const told = new Set([...families.flatMap(([, ...names]) => names), ...languageCapabilities])

/** The capabilities that a model's name gives away; none when it is unknown. */
export function capabilitiesOfModel(name: string): readonly string[] {
  const plain = plainName(name)
  const found = families.flatMap(([pattern, ...names]) => (pattern.test(plain) ? names : []))
  if (found.length > 0) return Object.freeze([...new Set(found)])
  return language.test(plain) ? languageCapabilities : noCapabilities
}

const plainName = (name: string): string =>
  name
    .slice(0, 512)
    .toLowerCase()
    .replace(/^.*[/\\]/, '')
    .replace(/\.(?:safetensors|gguf|ckpt|pth|pt|bin|onnx)$/, '')

/** The models of a provider that are for a capability: those declared for it, those whose names say so, then unknown ones. */
export function modelsFor(
  provider: {
    readonly models: readonly string[]
    readonly capabilities: readonly Capability[]
  },
  capability: string,
): readonly string[] {
  const { models, capabilities } = provider
  const own = capabilities.filter(({ name }) => name === capability)
  if (own.length === 0) return noCapabilities
  const declared = own.flatMap(declaredModels)
  const elsewhere = new Set(
    capabilities.flatMap((other) => (other.name === capability ? [] : declaredModels(other))),
  )
  const rest = models.filter((model) => !declared.includes(model) && !elsewhere.has(model))
  if (!told.has(capability)) return unique([...declared, ...rest])
  const known = rest.filter((model) => capabilitiesOfModel(model).includes(capability))
  // A declared list is whole, so what is on no list and has no telling name is for something else.
  const unknown =
    declared.length > 0 ? [] : rest.filter((model) => capabilitiesOfModel(model).length === 0)
  return unique([...declared, ...known, ...unknown])
}

const unique = (models: readonly string[]): readonly string[] => Object.freeze([...new Set(models)])

/** The models that a capability names in its own parameters. */
function declaredModels({ parameters }: Capability): readonly string[] {
  if (parameters === undefined || !Object.hasOwn(parameters, 'models')) return noCapabilities
  const { values, items } = parameters.models ?? {}
  const listed = values ?? items?.values ?? []
  return listed.flat().filter((one) => typeof one === 'string')
}
