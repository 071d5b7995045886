import { createPublicKey, verify } from 'node:crypto'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KeyVault, VaultKey } from '../domain/ports.ts'
import type { Algorithm, PublicJwk } from '../domain/records.ts'

/** A vault under test. */
export interface VaultUnderTest {
  readonly vault: KeyVault
  /** The same vault as another process, or the next one, has it: nothing is remembered. */
  reopen(): KeyVault
  /** Every private key it holds, as texts that must not be found anywhere else; none for a KMS. */
  privateTexts?(): Promise<readonly string[]>
  close?(): Promise<void>
}

type Created = Awaited<ReturnType<KeyVault['create']>>

const ALGORITHMS: readonly Algorithm[] = ['RS256', 'ES256', 'EdDSA']

/** RFC 7518 §6 and RFC 8037 §2: the public members, and no others. */
const MEMBERS: Readonly<Record<Algorithm, readonly string[]>> = {
  RS256: ['alg', 'e', 'kid', 'kty', 'n', 'use'],
  ES256: ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
  EdDSA: ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
}

const SIGNATURE_BYTES: Readonly<Record<Algorithm, number>> = { RS256: 256, ES256: 64, EdDSA: 64 }

const DATA = Buffer.from('eyJhbGciOiJub25lIn0.eyJzdWIiOiJtY2hfMSJ9')

/** What every vault promises, run against each of them. */
export function describeVault(name: string, start: () => Promise<VaultUnderTest>): void {
  describe(name, () => {
    let under: VaultUnderTest
    let vault: KeyVault

    beforeEach(async () => {
      under = await start()
      vault = under.vault
    })

    afterEach(async () => {
      await under.close?.()
    })

    const refuses = async (key: VaultKey): Promise<void> => {
      // Both with what the vault remembers of the kid and without.
      for (const each of [vault, under.reopen()]) {
        await expect(each.open(key)).rejects.toThrow()
        await expect(each.sign(key, DATA)).rejects.toThrow()
      }
    }

    describe.each(ALGORITHMS)('%s', (algorithm) => {
      let created: Created
      let key: VaultKey

      beforeEach(async () => {
        created = await vault.create('key_1', algorithm)
        key = { kid: 'key_1', algorithm, handle: created.handle }
      })

      it('signs what the published key verifies, now and in the next process', async () => {
        for (const each of [vault, under.reopen()]) {
          await each.open(key)
          const signature = await each.sign(key, DATA)
          expect(signature).toHaveLength(SIGNATURE_BYTES[algorithm])
          expect(verifies(algorithm, created.publicJwk, DATA, signature)).toBe(true)
          expect(verifies(algorithm, created.publicJwk, Buffer.from('else'), signature)).toBe(false)
        }
      })

      it('publishes the key with its name, use and algorithm, and nothing private', () => {
        expect(created.publicJwk).toMatchObject({ kid: 'key_1', alg: algorithm, use: 'sig' })
        expect(Object.keys(created.publicJwk).sort()).toEqual(MEMBERS[algorithm])
      })

      it('signs for many at once, from the first call on', async () => {
        const fresh = under.reopen()
        const texts = Array.from({ length: 24 }, (_, index) => Buffer.from(`text ${index}`))
        const signatures = await Promise.all(texts.map((text) => fresh.sign(key, text)))
        for (const [index, text] of texts.entries()) {
          const signature = signatures[index] ?? new Uint8Array()
          expect(verifies(algorithm, created.publicJwk, text, signature)).toBe(true)
        }
      })

      it('signs the empty text and a long one', async () => {
        for (const text of [new Uint8Array(), new Uint8Array(4096).fill(97)]) {
          const signature = await vault.sign(key, text)
          expect(verifies(algorithm, created.publicJwk, text, signature)).toBe(true)
        }
      })

      it('does not sign with a handle of which one byte was changed, or one is missing', async () => {
        for (const index of [0, 1, key.handle.length >> 1, key.handle.length - 1]) {
          const handle = Uint8Array.from(key.handle)
          handle[index] = (handle[index] ?? 0) ^ 1
          await refuses({ ...key, handle })
        }
        await refuses({ ...key, handle: key.handle.slice(0, -1) })
        await refuses({ ...key, handle: new Uint8Array() })
        await refuses({ ...key, handle: Uint8Array.from([...key.handle, 0]) })
      })

      it('does not sign for one kid with the handle of another, in either direction', async () => {
        const other = await vault.create('key_2', algorithm)
        await vault.sign(key, DATA)
        await refuses({ ...key, handle: other.handle })
        await refuses({ ...key, kid: 'key_2' })
        await refuses({ ...key, kid: 'key_3' })
      })

      it('does not sign as another algorithm', async () => {
        await vault.sign(key, DATA)
        for (const another of ALGORITHMS.filter((each) => each !== algorithm)) {
          await refuses({ ...key, algorithm: another })
        }
      })

      it('still signs after it has refused', async () => {
        await refuses({ ...key, handle: new Uint8Array(key.handle.length) })
        const signature = await vault.sign(key, DATA)
        expect(verifies(algorithm, created.publicJwk, DATA, signature)).toBe(true)
      })

      it('makes another key each time', async () => {
        const other = await vault.create('key_2', algorithm)
        const { kid: _, ...material } = other.publicJwk
        expect(created.publicJwk).not.toMatchObject(material)
        expect(Buffer.compare(other.handle, created.handle)).not.toBe(0)
        const signature = await vault.sign({ ...key, kid: 'key_2', handle: other.handle }, DATA)
        expect(verifies(algorithm, created.publicJwk, DATA, signature)).toBe(false)
        expect(verifies(algorithm, other.publicJwk, DATA, signature)).toBe(true)
      })

      it('shows nothing private in the key, the handle, an error or an inspection', async () => {
        await vault.sign(key, DATA)
        const handle = { ...key, handle: Uint8Array.from([...key.handle, 0]) }
        const error: unknown = await vault.sign(handle, DATA).catch((thrown: unknown) => thrown)
        const options = {
          depth: Infinity,
          showHidden: true,
          maxArrayLength: null,
          maxStringLength: null,
        }
        const shown = [
          inspect(vault, options),
          inspect(error, options),
          JSON.stringify([vault, created.publicJwk, error]),
          Buffer.from(created.handle).toString('latin1'),
          Buffer.from(created.handle).toString('base64'),
        ].join('\n')
        expect(shown).not.toMatch(/PRIVATE KEY/)
        for (const text of (await under.privateTexts?.()) ?? []) {
          expect(text.length).toBeGreaterThan(20)
          expect(shown.includes(text)).toBe(false)
        }
      })
    })

    it('names what is wrong in a code', async () => {
      const key: VaultKey = { kid: 'key_1', algorithm: 'ES256', handle: Buffer.from('other:v1:x') }
      await expect(vault.open(key)).rejects.toMatchObject({ code: 'signing-key-elsewhere' })
      await expect(vault.sign(key, DATA)).rejects.toThrow(/"other".*Nothing was signed/s)
    })
  })
}

function verifies(
  algorithm: Algorithm,
  publicJwk: PublicJwk,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
  const digest = algorithm === 'EdDSA' ? null : 'sha256'
  return verify(digest, data, { key, dsaEncoding: 'ieee-p1363' }, signature)
}
