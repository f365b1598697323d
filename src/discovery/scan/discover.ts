import type { DiscoverOptions } from './options.js'
import type { ScanReport } from './report.js'
import { Scan } from './scan.js'

/**
 * Looks for AI back ends, tool servers and agents once: at the usual ports of the known programs, those given, and a
 * range, on IPv4 and IPv6. Whatever cannot be used or asked is in the report.
 *
 * Rejects only with the reason of `signal`.
 */
export async function discover(options: DiscoverOptions = {}): Promise<ScanReport> {
  return new Scan(options).run()
}
