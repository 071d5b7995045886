import { formatCredential } from 'countersign/token'
import { describe, expect, it } from 'vitest'
import { parseSeed, SeedError } from './seed.ts'

const REAL = formatCredential(
  {
    kind: 'machine-secret',
    prefix: 'ak_',
    keyVersion: 1,
    idBytes: new Uint8Array(20).fill(1),
    secretVersion: 1,
    secret: new Uint8Array(24).fill(2),
  },
  () => new Uint8Array(8).fill(3),
)

describe('a seed', () => {
  it('may be empty', () => {
    expect(parseSeed('{}')).toEqual({ machines: [], tokens: [], apiKeys: [] })
  })

  it.each([
    ['text', 'The seed is not JSON.'],
    ['[]', 'with the members that docs/emulator.md names'],
    ['{"machine":[]}', 'machine is no member that docs/emulator.md names.'],
    ['{"machines":{}}', 'machines is an array of machines.'],
    ['{"machines":[{}]}', 'machines.0.name is missing.'],
    ['{"machines":[{"nam":"a"}]}', 'machines.0.nam is no member that docs/emulator.md names.'],
    ['{"machines":["a"]}', 'machines.0 is a JSON object with the members'],
    ['{"machines":[{"name":""}]}', 'machines.0.name is a name.'],
    ['{"machines":[{"name":"a","secret":"ak_a"}]}', 'machines.0.secret is no member'],
    ['{"machines":[{"name":"a","id":"mch_1"}]}', 'machines.0.id is mch_ and 27 letters or digits.'],
    ['{"machines":[{"name":"a","secretKey":"sk_test_a"}]}', 'machines.0.secretKey begins with ak_'],
    ['{"machines":[{"name":"a","secretKey":"ak_a b"}]}', 'machines.0.secretKey begins with ak_'],
    ['{"machines":[{"name":"a","secretKey":"ak_\\"b"}]}', 'machines.0.secretKey begins with ak_'],
    ['{"secretKey":"sk_live_a"}', 'secretKey begins with sk_test_'],
    ['{"machines":[{"name":"a"},{"name":"a"}]}', 'machines has the name a twice.'],
    [
      '{"secretKey":"sk_test_a","tokens":[{"machine":"a","state":"old"}]}',
      'tokens.0.state is live',
    ],
    [
      '{"machines":[{"name":"a","secretKey":"ak_same"},{"name":"b","secretKey":"ak_same"}]}',
      'The seed gives a secret twice.',
    ],
  ])('%s is refused, and it says why', (text, why) => {
    expect(() => parseSeed(text)).toThrow(SeedError)
    expect(() => parseSeed(text)).toThrow(why)
  })

  it('takes no secret that may be a real one, and does not repeat it', () => {
    const text = JSON.stringify({ machines: [{ name: 'api', secretKey: REAL }] })
    expect(() => parseSeed(text)).toThrow('has the form of a real credential')
    expect(() => parseSeed(text)).not.toThrow(REAL)
  })
})
