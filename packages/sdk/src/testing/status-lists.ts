import type { JsonObject } from '../token/json.ts'
import { encodeBase64url, signToken, TEST_ISSUER, TEST_NOW_MS, type TestKey } from './tokens.ts'

/** Status lists as an authority signs them, and as nobody should. */

export const LIST_URI: string = `${TEST_ISSUER}/status-lists/one`

/** The status of a token in a list. */
export function statusOf(idx: unknown, uri: unknown = LIST_URI): JsonObject {
  return { status_list: { idx, uri } }
}

/** What a list says besides its payload's usual members. */
export interface ListContent {
  /** The places that are 1, of lists with one bit a token. */
  readonly revoked?: readonly number[]
  readonly bytes?: Uint8Array
  readonly payload?: JsonObject
  readonly header?: JsonObject
}

/** ZLIB, as the draft has it. */
export async function deflated(bytes: Uint8Array): Promise<string> {
  const body = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
  const stream = body.pipeThrough(new CompressionStream('deflate'))
  return encodeBase64url(new Uint8Array(await new Response(stream).arrayBuffer()))
}

/** A signed list of 64 tokens, of which some are revoked. */
export async function signStatusList(key: TestKey, content: ListContent = {}): Promise<string> {
  const bytes = content.bytes ?? new Uint8Array(8)
  for (const index of content.revoked ?? []) {
    const at = Math.floor(index / 8)
    bytes[at] = (bytes[at] ?? 0) | (1 << (index % 8))
  }
  const iat = TEST_NOW_MS / 1000
  const payload = {
    iss: TEST_ISSUER,
    sub: LIST_URI,
    iat,
    exp: iat + 3_600,
    ttl: 15,
    status_list: { bits: 1, lst: await deflated(bytes) },
    ...content.payload,
  }
  const header = { alg: key.alg, typ: 'statuslist+jwt', kid: key.kid, ...content.header }
  return signToken(key, payload, header)
}

/** As it is served. */
export function listAnswer(token: string, type = 'application/statuslist+jwt'): Response {
  return new Response(token, { headers: { 'content-type': type } })
}
