import { systemClock } from '../../core/clock.js'
import type { InputIssue } from '../../core/errors.js'
import type { Source, View } from '../source.js'
import { merged, type Slice } from './endpoint-slices.js'
import { type HttpRegistryOptions, isLost, paced, urlIssue } from './http-registry.js'
import { clusterUrl, folderOf, type KubernetesAccess } from './kubernetes-access.js'
import { type ApiOptions, KubernetesApi, type SliceList, type SliceNews } from './kubernetes-api.js'
import { type LookUpOptions, positiveIssue, refuseIssues, targetsOf } from './look-up.js'
import { quietly } from './quietly.js'

export interface KubernetesOptions extends LookUpOptions, HttpRegistryOptions, KubernetesAccess {
  /** A service that has the same name there and here. Give this or `services`. */
  readonly service?: string | undefined
  /** Services by their names in Kubernetes, and what they are providers of here. */
  readonly services?: Readonly<Record<string, string>> | undefined
  /** By name or number. Default: the one named `http`, else the first TCP port. */
  readonly port?: string | number | undefined
}

/**
 * Providers from the EndpointSlices of Kubernetes services: the pods behind them, one by one. Lists them
 * once, and then follows the changes.
 *
 * Throws `InvalidOptionsError`.
 */
export function kubernetes(options: KubernetesOptions): Source {
  const { url, namespace, waitMs = 60_000, timeoutMs = 10_000 } = options
  const base = url ?? clusterUrl()
  const targets = targetsOf('kubernetes', options)
  refuseIssues('kubernetes', [
    base === undefined ? outside : urlIssue(base, 'https://10.0.0.1:6443'),
    namespace === undefined && folderOf(options) === undefined ? noNamespace : undefined,
    ...[namespace ?? 'default', ...targets.keys()].map(labelIssue),
    positiveIssue('waitMs', waitMs),
    positiveIssue('timeoutMs', timeoutMs),
  ])
  const settings = { ...options, base: base ?? '', targets, waitMs, timeoutMs }
  const place = namespace === undefined ? '' : `${namespace}/`
  return {
    name: options.name ?? `kubernetes:${place}${[...targets.keys()].join(',')}`,
    watch: (signal) => quietly(signal, watch(settings, signal)),
  }
}

const outside: InputIssue = {
  field: 'url',
  message:
    'expected the URL of the Kubernetes API: KUBERNETES_SERVICE_HOST is not set, so this runs in no cluster',
}
const noNamespace: InputIssue = {
  field: 'namespace',
  message: 'expected a namespace, since a url was given and none is known outside a pod',
}

/** Names become part of a path and of a selector. */
const labelIssue = (name: string): InputIssue | undefined =>
  /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
    ? undefined
    : { field: 'service', message: `expected a name of Kubernetes, got ${JSON.stringify(name)}` }

async function* watch(settings: ApiOptions, signal: AbortSignal): AsyncGenerator<View> {
  const { clock = systemClock } = settings
  const api = new KubernetesApi(settings, signal)
  while (!signal.aborted) {
    const listedAt = clock.now()
    const list = await api.list()
    yield toView(list.slices)
    yield* follow(api, list, settings, signal)
    await paced(clock, listedAt, signal)
  }
}

/** Ends when the slices must be listed anew. A stream that ends, or is lost, is taken up where it was. */
async function* follow(
  api: KubernetesApi,
  { slices: listed, version: listedAs }: SliceList,
  { clock = systemClock, waitMs = 0 }: ApiOptions,
  signal: AbortSignal,
): AsyncGenerator<View> {
  const slices = new Map(listed)
  let version = listedAs
  for (let losses = 0; !signal.aborted; ) {
    const openedAt = clock.now()
    let hasNews = false
    try {
      for await (const news of api.watch(version)) {
        if (news.kind === 'list-anew') return
        take(news, slices)
        version = news.version
        hasNews = true
        yield toView(slices)
      }
      // Something in between that does not let streams through would keep all news from us.
      if (!hasNews && clock.now() - openedAt < waitMs / 2) return
      yield toView(slices) // it ended in order, so this is all there is
      losses = 0
    } catch (error) {
      losses = hasNews ? 1 : losses + 1
      if (!isLost(error) || losses > mostLosses) throw error
    }
    await paced(clock, openedAt, signal)
  }
}

const mostSlices = 25_000
/** In a row without any news; then it is a failure. */
const mostLosses = 3

function take(news: Exclude<SliceNews, { kind: 'list-anew' }>, slices: Map<string, Slice>): void {
  if (news.kind === 'put') slices.set(news.slice.id, news.slice)
  else if (news.kind === 'deleted') slices.delete(news.id)
  if (slices.size > mostSlices)
    throw new Error(`Kubernetes tells of more than ${mostSlices} EndpointSlices`)
}

/** The API server answers for a majority of its store, so nothing is really nothing. */
const toView = (slices: ReadonlyMap<string, Slice>): View => ({
  sightings: merged(slices.values()),
  authoritative: true,
})
