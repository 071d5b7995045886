import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { join, resolve } from 'node:path'
import type { KeyVault, VaultKey } from '../domain/ports.ts'
import type { Algorithm } from '../domain/records.ts'
import { VaultError } from '../domain/vault-error.ts'
import { requireVault } from './handles.ts'
import { createKeyFolder, type KeyFolder } from './key-folder.ts'
import { createOpenedKeys } from './opened-keys.ts'
import { generateSigningKey, prepareSigner, type Sign } from './private-keys.ts'

export interface FileVaultOptions {
  /** Holds one file a key. Made with mode 0700 when the first key is. */
  readonly directory: string
}

/**
 * Keeps private keys as files (`<kid>.pem`, PKCS #8, mode 0600) in a folder of their own, for those
 * who mount a volume that the database is not on. Whoever reads the folder can sign: it is not sealed.
 *
 * A handle is a reference: the kid, and the fingerprint of its public key, so that a file is used for
 * the key that was published and for no other. Files are read when a key is first used, and again by
 * the next process.
 *
 * @throws {VaultError} from each method; `key-folder-unsafe` when others on this machine may enter.
 */
export function createFileVault({ directory }: FileVaultOptions): KeyVault {
  const folder = createKeyFolder(resolve(directory))
  const opened = createOpenedKeys((key: VaultKey): Promise<Sign> => open(folder, key))

  return Object.freeze({
    async create(kid: string, algorithm: Algorithm) {
      requireKid(kid)
      const { publicJwk, publicKey, privateKey } = await generateSigningKey(kid, algorithm)
      const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
      await folder.write(fileName(kid), pem)
      return { publicJwk, handle: handleOf(kid, publicKey) }
    },

    async open(key: VaultKey) {
      await opened(key)
    },

    async sign(key: VaultKey, data: Uint8Array) {
      return (await opened(key))(data)
    },
  })
}

async function open(folder: KeyFolder, { kid, algorithm, handle }: VaultKey): Promise<Sign> {
  requireKid(kid)
  requireVault('file', kid, handle)
  const name = fileName(kid)
  const text = await folder.read(name)
  if (text === null) {
    throw new VaultError('signing-key-missing', `There is no file ${join(folder.path, name)}.`)
  }
  const privateKey = parse(text)
  const sign = privateKey === null ? null : prepareSigner(algorithm, privateKey)
  if (privateKey === null || sign === null) {
    throw new VaultError(
      'signing-key-altered',
      `${join(folder.path, name)} is not an ${algorithm} private key as PKCS #8 PEM.`,
    )
  }
  if (Buffer.compare(handleOf(kid, createPublicKey(privateKey)), handle) !== 0) {
    throw new VaultError(
      'signing-key-altered',
      `${join(folder.path, name)} is not the private key of ${kid} in the database: one of them was altered.`,
    )
  }
  return sign
}

/** The SHA-256 of the SubjectPublicKeyInfo (RFC 5280 §4.1) tells one key from every other. */
function handleOf(kid: string, publicKey: KeyObject): Uint8Array {
  const der = publicKey.export({ format: 'der', type: 'spki' })
  const fingerprint = createHash('sha256').update(der).digest('base64url')
  return Buffer.from(`file:v1:${kid}:${fingerprint}`)
}

function parse(text: string): KeyObject | null {
  if (!text.startsWith('-----BEGIN PRIVATE KEY-----\n')) return null
  try {
    return createPrivateKey({ key: text, format: 'pem', type: 'pkcs8' })
  } catch {
    // What OpenSSL says of the text is of no use to anybody.
    return null
  }
}

/** The kid becomes part of a path, and comes from the database: no dot, no slash, no drive, no NUL. */
const KID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/

function requireKid(kid: string): void {
  if (KID.test(kid)) return
  throw new VaultError('signing-key-altered', 'A key in the database has a name that is no kid.')
}

function fileName(kid: string): string {
  return `${kid}.pem`
}
