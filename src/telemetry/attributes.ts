/** Names of attributes of spans. */
export const attribute = {
  service: 'switchgear.service',
  method: 'switchgear.method',
  provider: 'switchgear.provider',
  attempt: 'switchgear.attempt',
  attempts: 'switchgear.attempts',
  cause: 'switchgear.cause',
  errorType: 'error.type',
} as const

/**
 * Names of the conventions for generative AI. Still in development there, and moved between packages
 * of constants, so they are our own.
 */
export const genAi = {
  provider: 'gen_ai.provider.name',
  operation: 'gen_ai.operation.name',
} as const

/** The operation, by words in the name of a method. */
const operations: readonly (readonly [RegExp, string])[] = [
  [/embed/i, 'embeddings'],
  [/chat|message|response/i, 'chat'],
  [/completion/i, 'text_completion'],
]

/** `undefined` where the conventions have no word for it, or the name does not say. */
export const operationOf = (method: string | undefined): string | undefined =>
  method === undefined ? undefined : operations.find(([word]) => word.test(method))?.[1]
