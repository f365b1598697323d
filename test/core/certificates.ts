import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** For `needs`. */
export const hasOpenssl: boolean = spawnSync('openssl', ['version']).status === 0

export interface Identity {
  /** In PEM. */
  readonly cert: string
  readonly key: string
}

export interface Authority {
  /** In PEM. */
  readonly ca: string
  /** Signs a certificate; `names` such as `DNS:localhost` and `IP:127.0.0.1`. */
  issue(name: string, ...names: readonly string[]): Identity
  remove(): void
}

/** A certificate authority of a test's own, in a folder of its own. Needs openssl. */
export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'switchgear-ca-'))
  const at = (file: string): string => join(folder, file)
  const run = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { stdio: 'pipe' })
  }
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const keys = ['-keyout', at('ca.key'), '-out', at('ca.crt')]
  run('req', '-x509', ...curve, ...keys, '-subj', '/CN=test authority', '-days', '1')
  return {
    ca: readFileSync(at('ca.crt'), 'utf8'),
    issue(name, ...names) {
      const own = ['-keyout', at('one.key'), '-out', at('one.csr')]
      run('req', ...curve, ...own, '-subj', `/CN=${name}`)
      writeFileSync(at('one.ext'), names.length === 0 ? '' : `subjectAltName=${names.join(',')}\n`)
      const signer = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '1']
      const files = ['-in', at('one.csr'), '-out', at('one.crt'), '-extfile', at('one.ext')]
      run('x509', '-req', ...files, ...signer)
      return {
        cert: readFileSync(at('one.crt'), 'utf8'),
        key: readFileSync(at('one.key'), 'utf8'),
      }
    },
    remove() {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
