import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { Sealer } from '../domain/data-keys.ts'
import { signingKeyPlace } from '../domain/places.ts'
import type { KeyVault, VaultKey } from '../domain/ports.ts'
import type { Algorithm } from '../domain/records.ts'
import { VaultError } from '../domain/vault-error.ts'
import { requireVault } from './handles.ts'
import { createOpenedKeys } from './opened-keys.ts'
import { generateSigningKey, prepareSigner, type Sign } from './private-keys.ts'

/**
 * Keeps private keys in the store, sealed. A handle is the sealed PKCS #8 key; opened keys stay in
 * this closure.
 *
 * @param generate Makes the key pairs; an emulator has some that are made already.
 */
export function createSealedVault(
  sealer: Sealer,
  generate: typeof generateSigningKey = generateSigningKey,
): KeyVault {
  const opened = createOpenedKeys(({ kid, algorithm, handle }: VaultKey): Sign => {
    requireVault('sealed', kid, handle)
    const der = sealer.open(signingKeyPlace(kid), handle)
    const key = der === null ? null : parse(der)
    const sign = key === null ? null : prepareSigner(algorithm, key)
    if (sign !== null) return sign
    throw new VaultError(
      'signing-key-altered',
      `The private key ${kid} in the database does not open: it was altered, moved or cut short.`,
    )
  })

  return Object.freeze({
    async create(kid: string, algorithm: Algorithm) {
      const { publicJwk, privateKey } = await generate(kid, algorithm)
      const der = privateKey.export({ format: 'der', type: 'pkcs8' })
      const handle = sealer.seal(signingKeyPlace(kid), der)
      der.fill(0)
      return { publicJwk, handle }
    },

    async open(key: VaultKey) {
      await opened(key)
    },

    async sign(key: VaultKey, data: Uint8Array) {
      return (await opened(key))(data)
    },
  })
}

function parse(der: Uint8Array): KeyObject | null {
  try {
    return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
  } catch {
    // What OpenSSL says of the bytes is of no use to anybody.
    return null
  }
}
