import type { JsonObject } from '../../token/json.ts'
import type { TokenDefects } from './defects.ts'

/** A JWT before it is signed. */
export interface Draft {
  readonly header: JsonObject & { readonly kid: string; readonly alg: string }
  readonly payload: JsonObject
}

/** What can be wrong with a JWT by what it says, or by how it is signed. */
export type ForgedDefect = Exclude<TokenDefects['m2mJwt' | 'session'], 'revoked' | 'wrongClass'>

export type Sign = (kid: string, data: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>

const HOUR_SECONDS = 3_600

/** Another draft, in which one thing is wrong. */
const DRAFTS: Readonly<Partial<Record<ForgedDefect, (draft: Draft, now: number) => Draft>>> = {
  expired: (draft, now) =>
    says(draft, {
      iat: now - 2 * HOUR_SECONDS,
      nbf: now - 2 * HOUR_SECONDS,
      exp: now - HOUR_SECONDS,
    }),
  notYetActive: (draft, now) =>
    says(draft, { nbf: now + HOUR_SECONDS, exp: now + 2 * HOUR_SECONDS }),
  wrongAudience: (draft) => says(draft, { aud: ['https://another-audience.test'] }),
  wrongIssuer: (draft) => says(draft, { iss: 'https://another-issuer.test' }),
  wrongParty: (draft) => says(draft, { azp: 'https://another-party.test' }),
  missingClaim: (draft) => says(draft, { exp: undefined }),
  unknownKey: ({ header, payload }) => ({ header: { ...header, kid: 'key_unknown' }, payload }),
  wrongAlgorithm: ({ header, payload }) => ({
    header: { ...header, alg: header.alg === 'ES256' ? 'EdDSA' : 'ES256' },
    payload,
  }),
}

/** Another text, in which one thing is wrong. */
const TEXTS: Readonly<Partial<Record<ForgedDefect, (token: string) => string>>> = {
  badSignature(token) {
    const at = token.lastIndexOf('.') + 1
    return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
  },
  malformed: (token) => token.slice(0, token.lastIndexOf('.')),
}

/** Signs a draft, with one thing wrong if so wanted. `nowMs` is when it is to be judged. */
export async function forge(
  draft: Draft,
  sign: Sign,
  nowMs: number,
  defect?: ForgedDefect,
): Promise<string> {
  const change = defect === undefined ? undefined : DRAFTS[defect]
  const { header, payload } = change?.(draft, Math.floor(nowMs / 1000)) ?? draft
  const input = `${encodePart(header)}.${encodePart(payload)}`
  const signature = await sign(draft.header.kid, new TextEncoder().encode(input))
  const token = `${input}.${encodeBytes(signature)}`
  const spoil = defect === undefined ? undefined : TEXTS[defect]
  return spoil?.(token) ?? token
}

function says({ header, payload }: Draft, claims: JsonObject): Draft {
  return { header, payload: { ...payload, ...claims } }
}

function encodePart(part: JsonObject): string {
  return encodeBytes(new TextEncoder().encode(JSON.stringify(part)))
}

function encodeBytes(bytes: Uint8Array): string {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
