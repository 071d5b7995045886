import { checkPrimeSync, sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createDataKeys, openDataKeys } from '../domain/data-keys.ts'
import { createRootKey } from '../domain/root-key.ts'
import { systemClock, systemRandom } from '../system.ts'
import { createSealedVault } from '../vault/sealed-vault.ts'
import { describeVault } from '../vault/vault.contract.ts'
import { createPublishedKeys } from './published-keys.ts'

describeVault('the sealed vault with published keys', async () => {
  const rootKeys = [createRootKey(systemRandom.bytes(32))]
  const ports = { clock: systemClock, random: systemRandom }
  const records = createDataKeys('ins_1', rootKeys, ports)
  const { signing } = openDataKeys('ins_1', records, rootKeys, ports)
  return {
    vault: createSealedVault(signing, createPublishedKeys()),
    reopen: () => createSealedVault(signing),
  }
})

describe('published keys', () => {
  it('are RSA keys of primes, and sign what they verify', async () => {
    const generate = createPublishedKeys()
    const [first, second] = [await generate('key_1', 'RS256'), await generate('key_2', 'RS256')]
    expect(first.publicJwk).not.toMatchObject({ n: second.publicJwk['n'] })
    for (const { publicKey, privateKey } of [first, second]) {
      const { p, q, n } = privateKey.export({ format: 'jwk' })
      const [one, other] = [integer(p), integer(q)]
      expect(checkPrimeSync(one) && checkPrimeSync(other)).toBe(true)
      expect(one * other).toBe(integer(n))
      expect(integer(n).toString(2)).toHaveLength(2048)
      const data = Buffer.from('text')
      expect(verify('sha256', data, publicKey, sign('sha256', data, privateKey))).toBe(true)
    }
  })

  it('are the same for every emulator, and what follows them is not', async () => {
    const [one, other] = [createPublishedKeys(), createPublishedKeys()]
    const moduli = async (generate: ReturnType<typeof createPublishedKeys>) => {
      const keys = [
        await generate('a', 'RS256'),
        await generate('b', 'RS256'),
        await generate('c', 'RS256'),
      ]
      return keys.map(({ publicJwk }) => publicJwk['n'])
    }
    const [[a, b, c], [x, y, z]] = [await moduli(one), await moduli(other)]
    expect([x, y]).toEqual([a, b])
    expect(z).not.toBe(c)
  })

  it('are RSA keys only: what is made in no time is made', async () => {
    for (const algorithm of ['ES256', 'EdDSA'] as const) {
      const keys = [createPublishedKeys(), createPublishedKeys()]
      const [one, other] = await Promise.all(keys.map((generate) => generate('key', algorithm)))
      expect(one?.publicJwk['x']).not.toBe(other?.publicJwk['x'])
    }
  })
})

function integer(text: string | undefined): bigint {
  return BigInt(`0x${Buffer.from(text ?? '', 'base64url').toString('hex')}`)
}
