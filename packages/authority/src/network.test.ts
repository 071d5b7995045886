import { describe, expect, it } from 'vitest'
import {
  clientAddress,
  isPublicAddress,
  NO_NETWORKS,
  type Networks,
  parseNetworks,
} from './network.ts'

function networks(text: string): Networks {
  const parsed = parseNetworks(text)
  if (parsed === null) throw new Error(`${text} was refused`)
  return parsed
}

describe('a list of networks', () => {
  it('holds the addresses in it and no others', () => {
    const list = networks('10.0.0.0/8, 192.0.2.7, 2001:db8::/32, loopback')
    for (const address of ['10.1.2.3', '192.0.2.7', '2001:db8::1', '127.0.0.9', '::1']) {
      expect(list.has(address), address).toBe(true)
    }
    for (const address of ['11.0.0.1', '192.0.2.8', '2001:db9::1', '', 'x', '10.0.0.1.2']) {
      expect(list.has(address), address).toBe(false)
    }
  })

  it('takes IPv4 within IPv6 for IPv4', () => {
    expect(networks('10.0.0.0/8').has('::ffff:10.1.2.3')).toBe(true)
  })

  it.each([
    '',
    ',',
    'proxy',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    '10.0.0.1/',
    '1.2.3.4/8/8',
    '1e1',
  ])('is refused when it has %j in it', (text) => {
    expect(parseNetworks(text)).toBeNull()
    expect(parseNetworks(`10.0.0.1,${text}`)).toBeNull()
  })
})

describe('where a request comes from', () => {
  const proxies = networks('10.0.0.0/8')

  it('is the peer, whatever a header says, without trusted proxies', () => {
    expect(clientAddress('203.0.113.9', '1.2.3.4', NO_NETWORKS)).toBe('203.0.113.9')
    expect(clientAddress('127.0.0.1', '1.2.3.4', NO_NETWORKS)).toBe('127.0.0.1')
    expect(clientAddress(null, '1.2.3.4', proxies)).toBeNull()
  })

  it('is the peer when that is no proxy of ours: it wrote the header itself', () => {
    expect(clientAddress('203.0.113.9', '1.2.3.4', proxies)).toBe('203.0.113.9')
    expect(clientAddress('203.0.113.9', '10.0.0.1', proxies)).toBe('203.0.113.9')
  })

  it('is whom a trusted proxy was called by', () => {
    expect(clientAddress('10.0.0.1', '198.51.100.1', proxies)).toBe('198.51.100.1')
    expect(clientAddress('::ffff:10.0.0.1', ' 198.51.100.1 ', proxies)).toBe('198.51.100.1')
    expect(clientAddress('10.0.0.1', null, proxies)).toBe('10.0.0.1')
    expect(clientAddress('10.0.0.1', '2001:DB8::1', proxies)).toBe('2001:db8::1')
  })

  it('is not what the caller wrote to the left of that', () => {
    expect(clientAddress('10.0.0.1', '127.0.0.1, 198.51.100.1', proxies)).toBe('198.51.100.1')
    expect(clientAddress('10.0.0.1', '10.9.9.9, 198.51.100.1', proxies)).toBe('198.51.100.1')
  })

  it('is seen through several proxies of ours', () => {
    const header = '1.1.1.1, 198.51.100.1, 10.0.0.3, 10.0.0.2'
    expect(clientAddress('10.0.0.1', header, proxies)).toBe('198.51.100.1')
  })

  it('is the outermost when all of them are proxies of ours', () => {
    expect(clientAddress('10.0.0.1', '10.0.0.3, 10.0.0.2', proxies)).toBe('10.0.0.3')
  })

  it.each(['', 'unknown', '_hidden', '1.2.3.4:80', 'fe80::1%eth0', '<script>', '1.2.3'])(
    'is the proxy when that wrote no address: %j',
    (word) => {
      expect(clientAddress('10.0.0.1', `1.2.3.4, ${word}`, proxies)).toBe('10.0.0.1')
    },
  )

  it('is found in a header of any length, without reading all of it', () => {
    const header = `${'10.0.0.9, '.repeat(100_000)}10.0.0.2`
    expect(clientAddress('10.0.0.1', header, proxies)).toBe('10.0.0.9')
  })
})

describe('a public address', () => {
  it.each(['1.1.1.1', '8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8'])('is %s', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  it.each([
    ...['0.0.0.0', '10.0.0.1', '100.64.0.1', '127.0.0.1', '169.254.169.254', '172.31.0.1'],
    ...['192.168.1.1', '198.18.0.1', '224.0.0.1', '255.255.255.255', '::', '::1', 'fe80::1'],
    ...['fc00::1', 'fd00:ec2::254', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'],
    ...['2002:7f00:1::', '2001:db8::1', 'ff02::1', '', 'localhost', '2130706433', '0x7f.1'],
  ])('is not %j', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
})
