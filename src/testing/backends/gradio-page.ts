import type { Answer } from './route.js'

type Fields = Readonly<Record<string, unknown>>

/** A component of a page: its type, what it shows, and its place among the others. */
export const part = (id: number, type: string, props: Fields = {}): Fields => ({
  id,
  type,
  props: { name: type, ...props },
})

/** A function of a page. A name of `null` is what Gradio 3 gives to one that has none. */
export const call = (
  name: string | null,
  inputs: readonly number[] = [],
  more: Fields = {},
): Fields => ({
  targets: [],
  inputs,
  outputs: [],
  backend_fn: true,
  api_name: name,
  ...more,
})

/** The body of `GET /config`. What Gradio of that major version adds is added. */
export function page(
  version: string,
  title: string,
  components: readonly unknown[],
  dependencies: readonly unknown[],
): Answer {
  const major = Number.parseInt(version, 10)
  const since5 = major >= 5 ? { api_prefix: '/gradio_api', protocol: 'sse_v3' } : {}
  const id = major >= 4 ? ',"app_id":9007199254740993777' : ''
  const rest = { mode: 'blocks', title, ...since5, components, dependencies }
  // Written by hand, since no number of JavaScript has 64 bits.
  const text = `{"version":${JSON.stringify(version)}${id},${JSON.stringify(rest).slice(1)}`
  return { contentType: 'application/json', text }
}

/** To paths that only take POST in Gradio 3 and 4, and to those that do not exist. */
export const wrongMethod: Answer = { status: 405, json: { detail: 'Method Not Allowed' } }

/** To somebody who has not signed in: Gradio 3 to 5, and 6. */
export const signIn: Answer = { status: 401, json: { detail: 'Not authenticated' } }
export const signIn6: Answer = {
  status: 401,
  json: { detail: { error: 'Not authenticated', auth_message: null } },
}

/** An answer of a wrapper that tells what the agreement has. */
export const agreement = (
  service: string,
  features: readonly string[],
  models: readonly string[],
  limits: Fields = {},
): Answer => ({
  json: {
    status: 'healthy',
    service,
    version: '3.1.0',
    api_version: '1.0',
    features,
    models,
    limits,
  },
})
