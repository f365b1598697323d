import { spawnSync } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type RealServer, startServer } from './server.js'

/** For `needs`. Debian puts it where only root looks. */
export const hasDnsmasq: boolean =
  spawnSync('dnsmasq', ['--version'], {
    env: { PATH: `${process.env.PATH ?? ''}:/usr/sbin` },
  }).status === 0
export const noDnsmasq = 'dnsmasq is not installed: apt-get install dnsmasq-base'

const ready = 'ready.example.com'

/** A real DNS server for example.com, on 127.0.0.1 only. `records` are lines of its configuration, such as `srv-host=...`. */
export function startDnsmasq(...records: readonly string[]): Promise<RealServer> {
  return startServer({
    name: 'dnsmasq',
    command: 'dnsmasq',
    args: (port, folder) => [
      ...['--keep-in-foreground', `--conf-file=${configuration(folder, records)}`, '--pid-file='],
      ...['--no-resolv', '--no-hosts', '--local=/example.com/', `--user=${userInfo().username}`],
      ...['--listen-address=127.0.0.1', '--bind-interfaces', `--port=${port}`],
      `--txt-record=${ready},yes`,
    ],
    isReady: async ({ port }) => {
      const resolver = new Resolver({ timeout: 500, tries: 1 })
      resolver.setServers([`127.0.0.1:${port}`])
      return (await resolver.resolveTxt(ready)).length === 1
    },
  })
}

/** A file, because only there quotes keep a comma in a value. */
function configuration(folder: string, lines: readonly string[]): string {
  const file = join(folder, 'dnsmasq.conf')
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}
