import { backoffMs } from '../core/backoff.js'
import { pause } from '../core/clock.js'
import { field } from '../core/foreign.js'
import { connectBackend } from '../discovery/connect/backend.js'
import type { Connect, HeadersFor } from '../discovery/connect/connect.js'
import type { Source, View } from '../discovery/source.js'
import type { LookUpOptions } from '../discovery/sources/look-up.js'
import { quietly } from '../discovery/sources/quietly.js'
import type { Sighting } from '../model/sighting.js'
import { anyAccessOf, type RegistryAccess } from './access.js'
import { Mirror } from './mirror.js'
import type { News } from './news.js'
import type { RemoteRecord } from './record.js'
import type { Position, Transport } from './transport.js'
import { transportFor } from './transports.js'

export interface RemoteRegistryOptions
  extends RegistryAccess,
    Pick<LookUpOptions, 'name' | 'handler' | 'group' | 'strategy'> {
  /** Those that are not wanted are left out. Default all. */
  readonly accept?: ((record: RemoteRecord) => boolean) | undefined
  /** Makes instances. Default `connectBackend`, with `headers`. */
  readonly connect?: Connect<unknown> | undefined
  /** Sent to providers, where `connect` is not given. */
  readonly headers?: HeadersFor | undefined
}

const reconnect = { firstMs: 1_000, maxMs: 2_000 }

/**
 * Providers from a registry that others share: `switchgear serve`, or a Modularity registry. Lists, then follows
 * what changes, over REST or gRPC as the URL says. While the registry is gone, the last good view stays.
 *
 * Throws `InvalidOptionsError`.
 */
export function remoteRegistry(options: RemoteRegistryOptions = {}): Source {
  const access = anyAccessOf(options, 'remoteRegistry')
  const { policy, headers, accept = () => true } = options
  const connect = options.connect ?? connectBackend({ headers, policy })
  const known = new WeakMap<RemoteRecord, Sighting>()
  const toSighting = (record: RemoteRecord): Sighting => {
    const sighting = known.get(record) ?? sightingOf(record, options, connect)
    known.set(record, sighting)
    return sighting
  }
  const viewOf = (mirror: Mirror): View => ({
    sightings: mirror.records.filter(accept).map(toSighting),
    authoritative: true,
  })
  return {
    name: options.name ?? `registry:${new URL(access.url).host}`,
    watch: (signal) => quietly(signal, views(transportFor(access), viewOf, signal)),
  }
}

/** Changes come in crowds; a view is everything, and is not made for each of them. */
const settleMs = 100

/** Throws when the registry cannot even be listed; its watcher then keeps what it has, and asks again. */
async function* views(
  transport: Transport,
  viewOf: (mirror: Mirror) => View,
  signal: AbortSignal,
): AsyncGenerator<View, void, undefined> {
  const stop = new AbortController()
  const ended = AbortSignal.any([signal, stop.signal])
  // Also while nobody asks for the next view.
  ended.addEventListener('abort', () => transport.close(), { once: true })
  const mirror = new Mirror()
  let hasNews = false
  let failure: { readonly error: unknown } | undefined
  let wake = (): void => {}
  mirror.onChange(() => {
    hasNews = true
  })
  const take = (news: News): void => {
    mirror.take(news)
    if (news.type === 'all') hasNews = true // that nothing is there is a view too
    wake()
  }
  void followOn(transport, take, ended)
    .catch((error: unknown) => {
      failure = { error }
    })
    .finally(() => wake())
  try {
    while (!ended.aborted) {
      if (failure !== undefined) throw failure.error
      if (hasNews && mirror.isKnown) {
        hasNews = false
        yield viewOf(mirror)
        await pause(transport.access.clock, settleMs, ended)
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    stop.abort()
  }
}

async function followOn(
  transport: Transport,
  take: (news: News) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random } = transport.access
  const position: Position = { lastId: undefined }
  // Somebody may wait for the first view, and events alone keep no process alive.
  take({ type: 'all', records: await transport.list({ signal }) })
  while (!signal.aborted) {
    for await (const news of transport.follow(position, signal)) take(news)
    await pause(clock, backoffMs(1, reconnect, random), signal)
  }
}

function sightingOf(
  record: RemoteRecord,
  { handler, group, strategy }: RemoteRegistryOptions,
  connect: Connect<unknown>,
): Sighting {
  const { id, service, capabilities, version, status, location } = record
  return {
    name: id,
    service,
    handler,
    group,
    strategy,
    capabilities,
    version,
    health: status,
    metadata: metadataOf(record),
    ...(location !== '' && { address: location, connect }),
  }
}

/** What is said of it, and how it is reached. What a registry keeps there for itself is left out. */
function metadataOf({ metadata, mode, name }: RemoteRecord): Readonly<Record<string, unknown>> {
  const said = Object.entries(metadata).filter(
    ([key]) => !key.startsWith('switchgear.') && key !== '__proto__',
  )
  return { mode, displayName: field(metadata, 'displayName') ?? name, ...Object.fromEntries(said) }
}
