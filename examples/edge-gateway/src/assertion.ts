/** Who calls, as the gateway has verified it. */
export interface Caller {
  readonly machineId: string
  readonly tokenId: string
  readonly claims: Readonly<Record<string, unknown>> | null
}

/** The request that it was verified for. */
export interface AssertedRequest {
  readonly method: string
  /** Path and query, as the origin gets them. */
  readonly path: string
}

/** Long enough for two clocks that are apart, and useless the next minute. */
const LIFE_SECONDS = 30

const HEADER = encode(new TextEncoder().encode('{"alg":"HS256","typ":"gateway+jwt"}'))

/**
 * Makes the statement that the origin relies on: a JWT of its own class, for this origin, this request
 * and half a minute, under a key that only the gateway and the origin have. A client can neither write
 * one nor use one that it has seen for another request.
 *
 * @param key 32 bytes or more, in base64.
 * @throws {TypeError} for a shorter key.
 */
export function createAssertions(
  key: string,
  origin: string,
  now: () => number,
): (caller: Caller, request: AssertedRequest) => Promise<string> {
  const bytes = Uint8Array.from(atob(key), (character) => character.charCodeAt(0))
  if (bytes.length < 32) throw new TypeError('ORIGIN_KEY must have 32 bytes or more.')
  let imported: CryptoKey | undefined
  return async ({ machineId, tokenId, claims }, { method, path }) => {
    imported ??= await crypto.subtle.importKey(
      'raw',
      bytes,
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    )
    const iat = Math.floor(now() / 1000)
    const payload = {
      iss: 'edge-gateway',
      aud: origin,
      sub: machineId,
      jti: tokenId,
      iat,
      exp: iat + LIFE_SECONDS,
      htm: method,
      path,
      claims,
    }
    const input = `${HEADER}.${encode(new TextEncoder().encode(JSON.stringify(payload)))}`
    const signature = await crypto.subtle.sign('HMAC', imported, new TextEncoder().encode(input))
    return `${input}.${encode(new Uint8Array(signature))}`
  }
}

function encode(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
