import { systemClock } from '../../core/clock.js'
import type { Source, View } from '../source.js'
import { type EtcdAccess, EtcdGateway, type Listing } from './etcd-gateway.js'
import { sightingsIn, type ValueOptions } from './etcd-value.js'
import {
  type HttpRegistryOptions,
  isLost,
  misread,
  paced,
  urlIssue,
  withoutSlash,
} from './http-registry.js'
import { type LookUpOptions, positiveIssue, refuseIssues } from './look-up.js'
import { quietly } from './quietly.js'

export interface EtcdOptions extends Omit<LookUpOptions, 'scheme'>, HttpRegistryOptions {
  /** Default `http://127.0.0.1:2379`. */
  readonly url?: string | undefined
  /** Such as `/services/`: each key below holds one provider. */
  readonly prefix: string
  /** For values that do not say what they are providers of. */
  readonly service?: string | undefined
  /** Where etcd asks for one, with its `password`. */
  readonly user?: string | undefined
  readonly password?: string | undefined
}

/**
 * Providers from the keys below a prefix of etcd: each value a sighting as JSON, or a record with `url`
 * and `type`. Lists them once, and then follows the changes from that revision on.
 *
 * Throws `InvalidOptionsError`.
 */
export function etcd(options: EtcdOptions): Source {
  const { url = 'http://127.0.0.1:2379', waitMs = 60_000, timeoutMs = 10_000, prefix } = options
  refuseIssues('etcd', [
    urlIssue(url, 'http://127.0.0.1:2379'),
    typeof prefix === 'string' && prefix !== ''
      ? undefined
      : { field: 'prefix', message: 'expected the beginning of the keys, such as /services/' },
    options.password !== undefined && options.user === undefined
      ? { field: 'user', message: 'expected the user that the password belongs to' }
      : undefined,
    positiveIssue('waitMs', waitMs),
    positiveIssue('timeoutMs', timeoutMs),
  ])
  const settings = { ...options, url, waitMs, timeoutMs }
  return {
    name: options.name ?? `etcd:${prefix}`,
    watch: (signal) => quietly(signal, watch(settings, signal)),
  }
}

type Settings = EtcdAccess & ValueOptions

async function* watch(settings: Settings, signal: AbortSignal): AsyncGenerator<View> {
  const { clock = systemClock } = settings
  const gateway = new EtcdGateway(settings, signal)
  while (!signal.aborted) {
    const listedAt = clock.now()
    const listing = await gateway.list()
    yield toView(listing.values, settings)
    yield* follow(gateway, listing, settings, signal)
    await paced(clock, listedAt, signal)
  }
}

/** Ends when the keys must be listed anew. A stream that is lost is taken up where it was. */
async function* follow(
  gateway: EtcdGateway,
  { values: listed, revision: listedAt }: Listing,
  settings: Settings,
  signal: AbortSignal,
): AsyncGenerator<View> {
  const { clock = systemClock } = settings
  const values = new Map(listed)
  let seen = listedAt
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const openedAt = clock.now()
    let hasBegun = false
    try {
      for await (const news of gateway.watch(seen + 1n)) {
        if (news.kind === 'list-anew') return
        // A store that was restored from a backup would let us wait for a revision it has yet to reach.
        if (news.kind === 'begun' && news.revision < seen) return
        if (news.kind === 'changed') {
          take(news.changes, values, settings)
          seen = news.revision
        }
        // Taken up again, it tells at least that all is as it was.
        if (news.kind === 'changed' || !isFirst) yield toView(values, settings)
        hasBegun = true
      }
    } catch (error) {
      if (!isLost(error)) throw error
      hasBegun = true
    }
    if (!hasBegun) throw misread(`${withoutSlash(settings.url)}/v3/watch`, 'a watch that begins')
    await paced(clock, openedAt, signal)
  }
}

const mostKeys = 100_000

function take(
  changes: readonly (readonly [string, string | undefined])[],
  values: Map<string, string>,
  { prefix }: Settings,
): void {
  for (const [key, value] of changes) {
    if (value === undefined) values.delete(key)
    else values.set(key, value)
  }
  if (values.size > mostKeys)
    throw new Error(`etcd holds more than ${mostKeys} keys under ${prefix}; give a longer prefix`)
}

/** etcd answers for a majority of its members, so nothing is really nothing. */
const toView = (values: ReadonlyMap<string, string>, settings: Settings): View => ({
  sightings: sightingsIn(values, settings),
  authoritative: true,
})
