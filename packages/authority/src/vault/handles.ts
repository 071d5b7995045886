import { VaultError } from '../domain/vault-error.ts'

/**
 * A handle begins with the name of the vault that made it and a version, so that another vault can
 * say whose it is instead of guessing. Sealed values alone have no name: they begin with the version
 * of their data key, in two bytes, of which the first is no letter.
 */
const NAMED = /^([a-z][a-z0-9-]{0,31}):v\d+:/

/** The name of the vault that made a handle. */
export function vaultOf(handle: Uint8Array): string {
  return NAMED.exec(Buffer.from(handle.subarray(0, 48)).toString('latin1'))?.[1] ?? 'sealed'
}

/** @throws {VaultError} `signing-key-elsewhere` unless `vault` made the handle. */
export function requireVault(vault: string, kid: string, handle: Uint8Array): void {
  const maker = vaultOf(handle)
  if (maker === vault) return
  throw new VaultError(
    'signing-key-elsewhere',
    `The private key ${kid} is kept by the vault "${maker}", and the vault "${vault}" is set. ` +
      'Nothing was signed. Set the vault that the instance was founded with.',
  )
}
