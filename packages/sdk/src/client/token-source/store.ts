import { decodeBase64url, encodeBase64url } from '../../token/base64url.ts'
import { decodeUtf8, UTF8 } from '../../token/utf8.ts'
import { isJsonObject } from '../../token/json.ts'
import { MAX_TOKEN_CHARACTERS } from '../../token/jws.ts'
import { within } from '../waiting.ts'

/**
 * What processes share tokens through: a Redis, a KV namespace. It sees texts that only a process with
 * the same machine's key can read or make, and keys that tell nothing. It may fail, hang, forget or lie:
 * a token is then created as if there were none.
 */
export interface TokenStore {
  /** The text that was set under this key, or nothing. */
  get(key: string): Promise<string | null | undefined> | string | null | undefined
  /** Keeps a text, no longer than the token in it lives. */
  set(key: string, value: string, options: { readonly ttlSeconds: number }): unknown
}

/** A token as it is shared. Times are the authority's; `null` for a token without an end. */
export interface SharedToken {
  readonly token: string
  readonly lifetimeMs: number | null
  /** Epoch milliseconds. */
  readonly expiresAtMs: number | null
}

/** Tokens of one kind of one machine, in a store. Never throws. */
export interface SharedTokens {
  read(): Promise<SharedToken | null>
  /** Settles when the store has it, or has failed, or takes too long. */
  write(shared: SharedToken, ttlSeconds: number): Promise<void>
}

/** Nobody waits longer for a store: neither who asks for a token, nor a platform with `waitUntil`. */
export const STORE_TIMEOUT_MS = 1_000

const MAX_SEALED_CHARACTERS = MAX_TOKEN_CHARACTERS * 2

const PREFIX = 'v1.'
const NONCE_BYTES = 12
const SALT = UTF8.encode('countersign token store v1')

/** `CryptoKey`, by which name not every set of types knows it. */
type Key = Awaited<ReturnType<typeof globalThis.crypto.subtle.importKey>>

/** The name of an entry, and what seals it. */
interface Seal {
  readonly name: string
  readonly key: Key
}

/**
 * A bearer token in a shared store would be a secret for whoever reads it, and whoever writes there could
 * have us present a token of theirs. So it is sealed with a key that only holders of the machine's key
 * can derive, and that is another for each kind of token: what opens is ours, and what was wanted.
 *
 * @param kind Everything that decides which tokens are wanted.
 */
export function createSharedTokens(store: TokenStore, secret: string, kind: string): SharedTokens {
  let known: Seal | null = null
  // The result is kept and not the promise: a request that ends takes its promises with it.
  const seal = async (): Promise<Seal> => (known ??= await deriveSeal(secret, kind))

  const read = async (): Promise<SharedToken | null> => {
    const { name, key } = await seal()
    const value: unknown = await store.get(name)
    const text = typeof value === 'string' ? await decrypt(key, value) : null
    return text === null ? null : sharedTokenOf(text)
  }

  return {
    read: () => within(read(), STORE_TIMEOUT_MS).catch(() => null),

    async write({ token, lifetimeMs, expiresAtMs }, ttlSeconds) {
      try {
        const { name, key } = await seal()
        const value = await encrypt(key, JSON.stringify({ token, lifetimeMs, expiresAtMs }))
        // Of one that hangs nobody is told: a platform would keep the request for it.
        await within(Promise.resolve(store.set(name, value, { ttlSeconds })), STORE_TIMEOUT_MS)
      } catch {
        // The next process creates a token of its own.
      }
    },
  }
}

/** RFC 5869; a machine's key has 192 random bits, so its name in the store gives nothing away. */
async function deriveSeal(secret: string, kind: string): Promise<Seal> {
  const { subtle } = globalThis.crypto
  const material = await subtle.importKey('raw', UTF8.encode(secret), 'HKDF', false, ['deriveBits'])
  // Hashed, because some platforms take no long `info`.
  const info = await subtle.digest('SHA-256', UTF8.encode(kind))
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: SALT, info }
  const bits = new Uint8Array(await subtle.deriveBits(hkdf, material, 384))
  const key = await subtle.importKey('raw', bits.subarray(0, 32), 'AES-GCM', false, [
    'encrypt',
    'decrypt',
  ])
  return { name: `countersign:token:${encodeBase64url(bits.subarray(32))}`, key }
}

async function encrypt(key: Key, text: string): Promise<string> {
  const iv = globalThis.crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  const algorithm = { name: 'AES-GCM', iv }
  const sealed = await globalThis.crypto.subtle.encrypt(algorithm, key, UTF8.encode(text))
  const bytes = new Uint8Array(NONCE_BYTES + sealed.byteLength)
  bytes.set(iv)
  bytes.set(new Uint8Array(sealed), NONCE_BYTES)
  return PREFIX + encodeBase64url(bytes)
}

/** Rejects for what this key has not sealed. */
async function decrypt(key: Key, value: string): Promise<string | null> {
  if (value.length > MAX_SEALED_CHARACTERS || !value.startsWith(PREFIX)) return null
  const bytes = decodeBase64url(value.slice(PREFIX.length)) as Uint8Array<ArrayBuffer> | null
  if (bytes === null) return null
  const algorithm = { name: 'AES-GCM', iv: bytes.subarray(0, NONCE_BYTES) }
  const text = await globalThis.crypto.subtle.decrypt(algorithm, key, bytes.subarray(NONCE_BYTES))
  return decodeUtf8(new Uint8Array(text))
}

function sharedTokenOf(text: string): SharedToken | null {
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value)) return null
  const { token, lifetimeMs, expiresAtMs } = value
  const isTime = (time: unknown): time is number | null =>
    time === null || (typeof time === 'number' && time > 0)
  if (typeof token !== 'string' || !isTime(lifetimeMs) || !isTime(expiresAtMs)) return null
  return (lifetimeMs === null) === (expiresAtMs === null)
    ? { token, lifetimeMs, expiresAtMs }
    : null
}
