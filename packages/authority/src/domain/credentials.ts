import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import {
  CREDENTIAL_SECRET_BYTES,
  type CredentialKind,
  formatCredential,
  formatId,
  type IdKind,
  parseCredential,
} from 'countersign/token'
import type { DataKeys } from './data-keys.ts'
import type { Random } from './ports.ts'

/**
 * Makes and recognises every secret the authority gives out (docs/design/0002-credentials.md).
 *
 * Of HMAC(data key, credential) the first 8 bytes are the keyed check inside the credential; the
 * rest, the digest, never leaves. A row's `mac` is HMAC(data key, kind, id, digest and the rights of
 * the row): who reads the rows cannot make the credential, and who writes them can neither plant one
 * nor give an existing one other rights.
 */

/** What a row's `mac` covers besides the secret: its rights, in an order fixed by each kind. */
export type Bound = readonly (string | number | null)[]

/** Which row: what its `mac` is made of, besides the rights. */
export interface RowIdentity {
  readonly kind: CredentialKind | 'scope' | 'signing-key' | 'audit-entry' | 'webhook'
  readonly id: string
  /** What is left of its secret; empty for a row that has none. */
  readonly digest: string
}

/** A credential whose form, checksum and keyed check are right. Its row must still be found. */
export interface Recognised extends RowIdentity {
  readonly kind: CredentialKind
  /** Which of a machine's secrets; 0 for every other kind. */
  readonly secretVersion: number
}

/** A new credential: the text goes to its holder once, the rest into the row. */
export interface Minted extends RowIdentity {
  readonly kind: CredentialKind
  readonly text: string
  readonly mac: Uint8Array
}

export interface MintRequest {
  readonly kind: CredentialKind
  readonly prefix: string
  readonly idKind: IdKind
  readonly idBytes: Uint8Array
  readonly secretVersion?: number
  readonly bound: Bound
}

export interface Credentials {
  mint(request: MintRequest): Minted
  /** `null` for anything that this instance did not issue as this kind. Costs no read. */
  recognise(kind: CredentialKind, text: string): Recognised | null
  /** The `mac` of a row with these rights. */
  bind(identity: RowIdentity, bound: Bound): Uint8Array
  /** Whether the authority itself wrote these rights into this very row. */
  isBound(identity: RowIdentity, mac: Uint8Array, bound: Bound): boolean
}

const CHECK_BYTES = 8
const VERSION_BYTES = 2

export function createCredentials(
  instanceId: string,
  dataKeys: DataKeys,
  random: Random,
): Credentials {
  const codeOf = (key: KeyObject, prefix: string, body: Uint8Array): Buffer =>
    createHmac('sha256', key).update(`credential\n${instanceId}\n${prefix}\n`).update(body).digest()

  const rowCode = (key: KeyObject, identity: RowIdentity, bound: Bound): Buffer =>
    createHmac('sha256', key)
      .update(
        `row\n${JSON.stringify([instanceId, identity.kind, identity.id, identity.digest, ...bound])}`,
      )
      .digest()

  const bind = (identity: RowIdentity, bound: Bound): Uint8Array => {
    const { version, key } = dataKeys.mac
    const prefix = Buffer.of(version >>> 8, version & 0xff)
    return Buffer.concat([prefix, rowCode(key, identity, bound)])
  }

  return Object.freeze({
    bind,

    isBound(identity: RowIdentity, mac: Uint8Array, bound: Bound): boolean {
      const key = dataKeys.macKey(((mac[0] ?? 0) << 8) | (mac[1] ?? 0))
      if (key === null) return false
      return equal(rowCode(key, identity, bound), mac.subarray(VERSION_BYTES))
    },

    mint({ kind, prefix, idKind, idBytes, secretVersion = 0, bound }: MintRequest): Minted {
      const { version, key } = dataKeys.mac
      const secret = random.bytes(CREDENTIAL_SECRET_BYTES)
      let digest = ''
      const text = formatCredential(
        { kind, prefix, keyVersion: version, idBytes, secretVersion, secret },
        (_, body) => {
          const code = codeOf(key, prefix, body)
          digest = digestOf(code)
          return code.subarray(0, CHECK_BYTES)
        },
      )
      const id = formatId(idKind, idBytes)
      return { kind, id, digest, text, mac: bind({ kind, id, digest }, bound) }
    },

    recognise(kind: CredentialKind, text: string): Recognised | null {
      const credential = parseCredential(text)
      if (credential?.kind !== kind) return null
      const key = dataKeys.macKey(credential.keyVersion)
      if (key === null) return null
      const code = codeOf(key, credential.prefix, credential.body)
      if (!equal(code.subarray(0, CHECK_BYTES), credential.check)) return null
      const { id, secretVersion } = credential
      return { kind, id, secretVersion, digest: digestOf(code) }
    },
  })
}

function digestOf(code: Buffer): string {
  return code.toString('base64url', CHECK_BYTES)
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
