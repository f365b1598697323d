/** Events that open a stream of OpenAI's Responses, Anthropic's Messages or the AI SDK, and hold no text. */
const openings: ReadonlySet<unknown> = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
  'response.output_item.added',
  'response.content_part.added',
  'message_start',
  'content_block_start',
  'ping',
  'start',
  'start-step',
  'stream-start',
  'response-metadata',
  'text-start',
  'reasoning-start',
])

/**
 * Whether an item of a stream holds something a reader would miss: text, a tool call, anything but an
 * opening. What nobody knows counts as content, so that it is never held back for long.
 */
export function isContent(item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return true
  if ('choices' in item && Array.isArray(item.choices)) return item.choices.some(says)
  return !('type' in item && openings.has(item.type))
}

/** A choice of a chat completion chunk: the first one often brings the role and an empty text. */
function says(choice: unknown): boolean {
  if (typeof choice !== 'object' || choice === null) return true
  if ('finish_reason' in choice && choice.finish_reason != null) return true
  if (!('delta' in choice) || typeof choice.delta !== 'object' || choice.delta === null) return true
  return Object.entries(choice.delta).some(
    ([key, value]) => key !== 'role' && value !== null && value !== undefined && value !== '',
  )
}
