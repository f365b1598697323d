import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TlsOptions } from '../../core/connection.js'

/** Where the API is, in which namespace to look, and who asks. */
export interface KubernetesAccess {
  /** Default: that of the cluster this runs in. */
  readonly url?: string | undefined
  /** Default: that of the pod this runs in. */
  readonly namespace?: string | undefined
  /** Default: that of the pod's service account, read anew for each request, since it is replaced every hour. */
  readonly token?: string | undefined
  /** The folder with `token`, `ca.crt` and `namespace`. Default where Kubernetes puts it; none with a `url`. */
  readonly credentials?: string | undefined
  /** Default: the `ca.crt` of the service account. */
  readonly tls?: TlsOptions | undefined
}

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The URL of the cluster this runs in. */
export function clusterUrl(): string | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env
  if (host === undefined || host === '') return undefined
  return `https://${host.includes(':') ? `[${host}]` : host}:${port ?? 443}`
}

/** The pod's own token is for the API of its cluster, and never sent to a URL that somebody gave. */
export const folderOf = ({ url, credentials }: KubernetesAccess): string | undefined =>
  credentials ?? (url === undefined ? serviceAccount : undefined)

export async function namespaceOf(access: KubernetesAccess): Promise<string> {
  return access.namespace ?? (await fileIn(access, 'namespace')) ?? 'default'
}

export async function headersOf(access: KubernetesAccess): Promise<Record<string, string>> {
  const token = access.token ?? (await fileIn(access, 'token'))
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

export async function tlsOf(access: KubernetesAccess): Promise<TlsOptions | undefined> {
  if (access.tls !== undefined) return access.tls
  const ca = await fileIn(access, 'ca.crt')
  return ca === undefined ? undefined : { ca }
}

async function fileIn(access: KubernetesAccess, name: string): Promise<string | undefined> {
  const folder = folderOf(access)
  if (folder === undefined) return undefined
  const path = join(folder, name)
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    const what = `${path} cannot be read; mount the pod's service account, or give url, namespace and token`
    throw new Error(what, { cause })
  }
}
