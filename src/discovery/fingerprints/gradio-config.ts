import { type Fields, field, isObject, nameOf } from '../../core/foreign.js'
import type { Asking, Reply } from '../scan/asking.js'
import { goodObject } from './read.js'

/*
 * Gradio is what many programs are made with. All of them tell at /config, without being asked for more, what their
 * page is made of; which program it is can be seen from that alone.
 */

/** A part of a page, such as a text or a list to choose from. */
export interface Component {
  readonly id: unknown
  readonly type: string
  readonly props: Fields
}

/** A function of the app that has a name. */
export interface Endpoint {
  readonly name: string
  /** Ids of the components that its arguments come from. */
  readonly inputs: readonly unknown[]
  /** Whether the app offers it to other programs. */
  readonly shown: boolean
}

export interface Choice {
  readonly label: string
  readonly value: string
}

/** An app made with Gradio, 3 to 6. */
export interface GradioApp {
  /** `undefined` when it has none of its own. */
  readonly title: string | undefined
  /** The version of Gradio, which says nothing about the version of the app. */
  readonly gradio: string
  /** Another one after each start. A text: its 64 bits are more than a number holds. */
  readonly appId: string | undefined
  readonly components: readonly Component[]
  readonly endpoints: readonly Endpoint[]
}

/** Several fingerprints look at the same answer, which may have megabytes. */
const known = new WeakMap<Reply, { readonly app: GradioApp | undefined }>()

export async function gradioAppAt(asking: Asking): Promise<GradioApp | undefined> {
  const reply = await asking.get('/config')
  const before = known.get(reply)
  if (before !== undefined) return before.app
  const app = readApp(reply)
  known.set(reply, { app })
  return app
}

function readApp(reply: Reply): GradioApp | undefined {
  const body = goodObject(reply)
  const gradio = nameOf(field(body, 'version'))
  const components = field(body, 'components')
  const dependencies = field(body, 'dependencies')
  if (gradio === undefined || !/^\d+\.\d/.test(gradio)) return undefined
  if (!Array.isArray(components) || !Array.isArray(dependencies)) return undefined
  const title = nameOf(field(body, 'title'))
  return {
    title: title === 'Gradio' ? undefined : title,
    gradio,
    appId: appIdIn(reply.text),
    components: components.flatMap(toComponent),
    endpoints: dependencies.flatMap(toEndpoint),
  }
}

/** From the text, before JSON rounds it. The texts of the page come after it, so none of them can pretend to be it. */
function appIdIn(text: string): string | undefined {
  const end = text.indexOf('"components"')
  return /"app_id"\s{0,9}:\s{0,9}(\d{1,20})\b/.exec(text.slice(0, Math.min(end, 10_000)))?.[1]
}

function toComponent(row: unknown): readonly Component[] {
  const type = nameOf(field(row, 'type'))
  const props = field(row, 'props')
  return type !== undefined && isObject(props) ? [{ id: field(row, 'id'), type, props }] : []
}

function toEndpoint(row: unknown): readonly Endpoint[] {
  const name = nameOf(field(row, 'api_name'))
  if (name === undefined) return []
  const inputs = field(row, 'inputs')
  const visibility = field(row, 'api_visibility') ?? 'public'
  const shown = field(row, 'show_api') !== false && visibility === 'public'
  return [{ name, inputs: Array.isArray(inputs) ? inputs : [], shown }]
}

/** That it is made with Gradio, and wants to know who asks: Gradio 3 to 5 say it as a text, 6 as an object. */
export function isLocked({ status, json }: Reply): boolean {
  if (status !== 401) return false
  const detail = field(json, 'detail')
  return detail === 'Not authenticated' || field(detail, 'error') === 'Not authenticated'
}

/** What can be chosen: values alone up to Gradio 3.34, with a label each since. */
export function choicesOf(component: Component | undefined): readonly Choice[] {
  const choices = field(component?.props, 'choices')
  if (!Array.isArray(choices)) return []
  return choices.slice(0, 5_000).flatMap((choice: unknown) => {
    const [first, second] = Array.isArray(choice) ? choice : [choice, choice]
    const value = nameOf(second)
    return value === undefined ? [] : [{ label: nameOf(first) ?? value, value }]
  })
}

export const valuesOf = (component: Component | undefined): readonly string[] => [
  ...new Set(choicesOf(component).map(({ value }) => value)),
]

export const ofType = (app: GradioApp, type: string): readonly Component[] =>
  app.components.filter((component) => component.type === type)

export const withElementId = (app: GradioApp, id: string): Component | undefined =>
  app.components.find(({ props }) => field(props, 'elem_id') === id)

export const endpoint = (app: GradioApp, name: string): Endpoint | undefined =>
  app.endpoints.find((one) => one.name === name)

/** Texts of the page as people read them, without tags. */
export function textsOf(app: GradioApp, type: 'html' | 'markdown'): readonly string[] {
  return ofType(app, type).flatMap(({ props }) => {
    const value = field(props, 'value')
    return typeof value === 'string' ? [withoutTags(value.slice(0, 10_000))] : []
  })
}

const withoutTags = (html: string): string =>
  html
    .replace(/<[^<>]*>/g, '')
    .replace(/\s+/g, ' ')
    .trim()
