import type { RegistryAccess } from '../../client/access.js'
import type { Clock } from '../../core/clock.js'
import type { TlsOptions } from '../../core/connection.js'
import { usage } from '../failure.js'
import type { Flags, Input } from '../flags.js'
import { duration } from '../scan/duration.js'
import { policyFor } from '../scan/policy.js'
import type { Shell } from '../shell.js'
import { textIn } from '../text-file.js'
import { tokenOf } from '../token.js'

/** Which registry, and how it is asked. */
export const remoteFlags: Flags = {
  url: {
    value: 'URL',
    about: 'of the registry (REGISTRY_URL; default http://localhost:5000)',
  },
  token: { value: 'TOKEN', about: 'that the registry asks for (REGISTRY_TOKEN)' },
  'token-file': { value: 'FILE', about: 'the same, read from a file' },
  'tls-ca': { value: 'FILE', about: 'over TLS, the authority to trust, in PEM' },
  'tls-cert': { value: 'FILE', about: 'certificate to show, in PEM' },
  'tls-key': { value: 'FILE', about: 'its key, in PEM' },
  timeout: { value: 'TIME', about: 'for one answer, such as 500ms or 5s, the default' },
}

export interface RemoteAccess extends RegistryAccess {
  readonly url: string
  readonly timeoutMs: number
  readonly clock: Clock
}

/**
 * Whether a command that knows both is to ask a server: a flag says so, else `REGISTRY_URL` where it is set. Fails
 * with exit code 2 when both are asked for.
 */
export function asksServer(input: Input, { env }: Pick<Shell, 'env'>): boolean {
  if (input.has('url') && input.has('store'))
    throw usage('--url names a server and --store a file; give one of them')
  const isServer = input.has('url') || (!input.has('store') && Boolean(env.REGISTRY_URL))
  const own = Object.keys(remoteFlags).find((flag) => input.has(flag))
  if (!isServer && own !== undefined)
    throw usage(`--${own} is for a server; give --url URL as well`)
  return isServer
}

/** Whoever is named may be asked, wherever that is, as with `--host` of a scan. */
export async function accessFrom(
  input: Input,
  shell: Pick<Shell, 'env' | 'folder' | 'clock'>,
): Promise<RemoteAccess> {
  const url = baseOf(input.text('url') ?? (shell.env.REGISTRY_URL || 'http://localhost:5000'))
  const host = URL.canParse(url) ? new URL(url).hostname : ''
  return {
    url,
    token: await tokenOf(input, shell),
    timeoutMs: duration(input.text('timeout') ?? '5s', '--timeout', 10, 600_000),
    policy: policyFor([host]),
    tls: await tlsFrom(input, shell),
    clock: shell.clock,
  }
}

async function tlsFrom(
  input: Input,
  shell: Pick<Shell, 'folder'>,
): Promise<TlsOptions | undefined> {
  if (input.has('tls-cert') !== input.has('tls-key'))
    throw usage('give --tls-cert and --tls-key together')
  const pem = async (flag: string): Promise<string | undefined> => {
    const file = input.text(flag)
    return file === undefined ? undefined : textIn(file, `--${flag}`, 'a file in PEM', shell)
  }
  const [ca, cert, key] = [await pem('tls-ca'), await pem('tls-cert'), await pem('tls-key')]
  return ca === undefined && cert === undefined ? undefined : { ca, cert, key }
}

/** `localhost:5000` is enough. */
const baseOf = (text: string): string =>
  (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`).replace(/\/+$/, '')
