import { usage } from '../failure.js'

const example = 'http://127.0.0.1:8188'

/**
 * An address that somebody typed. Fails with exit code 2 on what is none; credentials in it are not repeated. `where`
 * begins the message.
 */
export function addressOf(text: string, where = ''): URL {
  const given = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  const url = URL.canParse(given) && !/[\p{Cc}\s\\]/u.test(given) ? new URL(given) : undefined
  if (url === undefined) throw usage(`${where}expected an address such as ${example}`)
  if (url.username !== '' || url.password !== '')
    throw usage(
      `${where}expected an address without a user name and a password, such as ${example}; a key is given with --key-env`,
    )
  if (!/^https?:$/.test(url.protocol) || url.host === '')
    throw usage(`${where}expected http or https, as in ${example}; got '${url.protocol}//'`)
  if (url.port === '0')
    throw usage(`${where}expected a port from 1 to 65535, as in ${example}; got 0`)
  return url
}

export const portOf = ({ port, protocol }: URL): number =>
  Number(port) || (protocol === 'https:' ? 443 : 80)

/** The same port of this machine in the other address family; `undefined` for other machines, and for both. */
export function twinOf(url: URL): string | undefined {
  const other = twins.get(url.hostname)
  return other && `${url.protocol}//${other}:${portOf(url)}`
}

const twins: ReadonlyMap<string, string> = new Map([
  ['127.0.0.1', '[::1]'],
  ['[::1]', '127.0.0.1'],
])
