import { isIPv6 } from 'node:net'
import type { CheckedAddress } from './address.js'
import type { ChannelOptions } from './grpc.js'

/** grpc-js takes a list of one family. IPv4 first: where one of the two hangs, it is IPv6. */
export function urisOf({ addresses, port }: CheckedAddress): readonly string[] {
  const [six, four] = [addresses.filter(isIPv6), addresses.filter((one) => !isIPv6(one))]
  const uris = [
    `ipv4:${four.map((one) => `${one}:${port}`).join()}`,
    `ipv6:${six.map((one) => `[${one}]:${port}`).join()}`,
  ]
  return uris.filter((uri) => uri.length > 'ipv4:'.length)
}

/** No proxy is used, nothing is retried, and no connection is shared. Longer messages are refused. */
export function optionsFor({ hostname, port }: CheckedAddress, mostBytes: number): ChannelOptions {
  return {
    'grpc.default_authority': isIPv6(hostname) ? `[${hostname}]:${port}` : `${hostname}:${port}`,
    'grpc.use_local_subchannel_pool': 1, // a shared one keeps connections after `close`
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.max_receive_message_length': mostBytes,
  }
}
