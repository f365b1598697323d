import type { Provider } from '../../model/provider.js'

const standardPorts: Readonly<Record<string, number>> = {
  'http:': 80,
  'ws:': 80,
  'https:': 443,
  'wss:': 443,
}

/** Where a provider is: its `address`, with or without a scheme. Throws when it has none to be read. */
export function addressOf({ address }: Provider, otherwise: string): URL {
  if (address === undefined) throw new Error(`it has no address to probe: ${otherwise}`)
  const full = address.includes('://') ? address : `tcp://${address}`
  if (!URL.canParse(full)) throw new Error(`its address cannot be read: ${otherwise}`)
  return new URL(full)
}

/** Brackets are for URLs alone. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '')

export function portOf({ port, protocol }: URL): number {
  const number = port === '' ? standardPorts[protocol] : Number(port)
  if (number === undefined || number === 0) throw new Error('its address names no port to probe')
  return number
}
