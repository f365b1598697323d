import { InvalidOptionsError } from '../../core/errors.js'
import { isObject } from '../../core/foreign.js'
import type { DiscoverOptions } from './options.js'
import type { ScanReport } from './report.js'
import { Scan } from './scan.js'

/**
 * Looks for AI back ends, tool servers and agents once: at the usual ports of the known programs, those given, and a
 * range, on IPv4 and IPv6. Whatever cannot be used or asked is in the report.
 *
 * Rejects with the reason of `signal`, and with `InvalidOptionsError` when the options are no object.
 */
export async function discover(options: DiscoverOptions = {}): Promise<ScanReport> {
  if (isObject(options)) return new Scan(options).run()
  const message = "expected an object, such as { hosts: ['localhost'] }"
  throw new InvalidOptionsError([{ field: '', message }], 'discover')
}
