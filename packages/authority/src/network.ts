import { BlockList, isIP } from 'node:net'

/** IP addresses: who is a proxy of ours, and what belongs to no public network. */

/** A set of addresses. */
export interface Networks {
  has(address: string): boolean
  /** As it was written. */
  toString(): string
}

/** Nobody. */
export const NO_NETWORKS: Networks = Object.freeze({
  has: () => false,
  toString: () => '',
})

/** What a line of proxies may measure: beyond it nobody looks. */
const MAX_HOPS = 32

const NAMES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

/**
 * The addresses in a list such as `10.0.0.0/8, 2001:db8::1`; `null` when one of them is none.
 * `loopback` and `private` are names for what they say.
 */
export function parseNetworks(text: string): Networks | null {
  const list = new BlockList()
  for (const word of text.split(',').map((part) => part.trim())) {
    if (!addNetwork(list, word)) return null
  }
  return asNetworks(list, text)
}

/**
 * Where a request comes from. Behind trusted proxies that is the last address of `X-Forwarded-For`
 * that none of them has: each proxy appends whom it was called by, so what stands further left is what
 * the caller wrote. Without trusted proxies the header says nothing.
 */
export function clientAddress(
  peer: string | null,
  forwardedFor: string | null,
  trusted: Networks,
): string | null {
  let client = peer === null ? null : plainAddress(peer)
  if (client === null || forwardedFor === null) return client
  const hops = forwardedFor.split(',').slice(-MAX_HOPS)
  for (const hop of hops.reverse()) {
    if (!trusted.has(client)) return client
    const next = plainAddress(hop.trim())
    // A proxy of ours writes addresses only: what is none, somebody else wrote.
    if (next === null) return client
    client = next
  }
  return client
}

/** IPv4 within IPv6 (RFC 4291 §2.5.5.2) is IPv4; `null` for what is no address. */
export function plainAddress(text: string): string | null {
  const address = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1] ?? text
  return isIP(address) === 0 || address.includes('%') ? null : address.toLowerCase()
}

/** What no public host has: the registries of special addresses (RFC 6890), and multicast. */
const SPECIAL = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]

/** Of IPv6, only global unicast is public; of that, not what leads into IPv4 or is for documents. */
const PUBLIC_V6 = '2000::/3'
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const special = mustParse([...SPECIAL, ...NOT_PUBLIC_V6])
const publicV6 = mustParse([PUBLIC_V6])

/** Whether an address is one of the public internet. */
export function isPublicAddress(text: string): boolean {
  const address = plainAddress(text)
  if (address === null || special.has(address)) return false
  return isIP(address) === 4 || publicV6.has(address)
}

function mustParse(words: readonly string[]): Networks {
  const networks = parseNetworks(words.join(','))
  if (networks === null) throw new Error('A network of our own is none.')
  return networks
}

function asNetworks(list: BlockList, text: string): Networks {
  return Object.freeze({
    toString: () => text,
    has(one: string): boolean {
      const address = plainAddress(one)
      if (address === null) return false
      return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
    },
  })
}

function addNetwork(list: BlockList, word: string): boolean {
  if (Object.hasOwn(NAMES, word)) {
    return (NAMES[word] ?? []).every((one) => addNetwork(list, one))
  }
  const [text = '', bits, ...rest] = word.split('/')
  const address = plainAddress(text)
  if (address === null || rest.length > 0) return false
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
  const most = family === 'ipv4' ? 32 : 128
  if (bits === undefined) {
    list.addAddress(address, family)
    return true
  }
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most) return false
  list.addSubnet(address, Number(bits), family)
  return true
}
