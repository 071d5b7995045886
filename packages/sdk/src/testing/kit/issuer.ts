import { forge, type Draft, type ForgedDefect, type Sign } from './forge.ts'

/**
 * Somebody who issues sessions, or access tokens in JWT form, and publishes the keys that they are verified
 * with: an identity provider, as far as a verifier knows one.
 */
export interface TestIssuer {
  readonly answer: (request: Request) => Promise<Response>
  readonly issue: (input: JwtToIssue) => Promise<string>
}

export interface JwtToIssue {
  readonly typ: 'JWT' | 'at+jwt'
  readonly payload: Draft['payload']
  readonly nowMs: number
  readonly defect?: ForgedDefect | undefined
}

const SCHEME = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** Makes one, with a key of its own. */
export async function createTestIssuer(kid: string): Promise<TestIssuer> {
  const { subtle } = globalThis.crypto
  const { privateKey, publicKey } = await subtle.generateKey(SCHEME, true, ['sign', 'verify'])
  const { kty, crv, x, y } = await subtle.exportKey('jwk', publicKey)
  const keys = [{ kty, crv, x, y, kid, alg: 'ES256', use: 'sig' }]
  const sign: Sign = async (_, data) => new Uint8Array(await subtle.sign(SCHEME, privateKey, data))
  return Object.freeze({
    answer: async (request: Request) =>
      new URL(request.url).pathname === '/.well-known/jwks.json'
        ? Response.json({ keys })
        : new Response(null, { status: 404 }),
    issue: ({ typ, payload, nowMs, defect }: JwtToIssue) =>
      forge({ header: { alg: 'ES256', typ, kid }, payload }, sign, nowMs, defect),
  })
}
