import { HttpError, InvalidOptionsError } from '../../core/errors.js'
import { Failure, usage } from '../failure.js'
import type { RemoteAccess } from './access.js'

/** What a person at a command line can do about it. */
export function inWords(error: unknown, { url, token }: RemoteAccess): unknown {
  if (error instanceof InvalidOptionsError)
    return usage(
      error.issues.map(({ field, message }) => `${flags[field] ?? field}: ${message}`).join('; '),
    )
  if (!(error instanceof HttpError)) return error
  const { kind, status } = error
  // Which of its routes it was is no matter of whoever types commands.
  const said = error.message.replace(error.url, url)
  if (kind === 'status' && status !== 401 && status !== 403)
    return new Failure(said, { cause: error })
  if (kind === 'status')
    return new Failure(
      token === undefined
        ? `${url} asks for a token; give it with --token-file FILE, --token or REGISTRY_TOKEN`
        : `${url} does not take this token for that; give the registry's own, or that of the registration, with --token`,
      { cause: error },
    )
  return new Failure(unreachable[kind]?.(url) ?? said, { cause: error, exit: 3 })
}

const flags: Readonly<Record<string, string>> = {
  url: '--url, or REGISTRY_URL',
  token: '--token, --token-file or REGISTRY_TOKEN',
}

const unreachable: Readonly<Record<string, (url: string) => string>> = {
  refused: (url) =>
    `nothing listens at ${url}, or it cannot be reached; start a registry with switchgear serve, or name another with --url`,
  dns: (url) => `the host of ${url} is not known; check --url`,
  timeout: (url) => `${url} did not answer in time; check --url, or give it more with --timeout`,
}
