import { decodeBase64url } from './base64url.ts'
import { CountersignError } from './errors.ts'
import { type JsonObject, parseJsonObject } from './json.ts'

/** A compact JWS, taken apart (RFC 7515 §7.1). Nothing in it is authenticated. */
export interface Jws {
  readonly header: JsonObject
  readonly payload: JsonObject
  /** What the signature covers: the ASCII of the first two parts and the dot between. */
  readonly signingInput: Uint8Array
  readonly signature: Uint8Array
}

/** The most characters of a token. */
export const MAX_TOKEN_CHARACTERS = 16_384

const MAX_HEADER_CHARACTERS = 2_048

const ASCII = new TextEncoder()

/**
 * Takes a token apart, strictly and in one pass. Bounds come before work.
 *
 * @throws {CountersignError} `token-malformed`
 */
export function parseJws(token: string): Jws {
  if (token.length > MAX_TOKEN_CHARACTERS) throw malformed('a shorter token')
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first < 1 || second < 0 || token.indexOf('.', second + 1) >= 0) {
    throw malformed('three parts with dots between')
  }
  if (first > MAX_HEADER_CHARACTERS) throw malformed('a shorter header')
  const header = decodeObject(token, 0, first, 'header')
  const payload = decodeObject(token, first + 1, second, 'payload')
  const signature = decodeBase64url(token, second + 1)
  if (signature === null) throw malformed('a signature in base64url')
  return { header, payload, signingInput: ASCII.encode(token.slice(0, second)), signature }
}

function decodeObject(token: string, start: number, end: number, part: string): JsonObject {
  const bytes = decodeBase64url(token, start, end)
  if (bytes === null) throw malformed(`a ${part} in base64url`)
  const object = parseJsonObject(bytes)
  if (object === null) throw malformed(`a ${part} that is one unambiguous JSON object`)
  return object
}

function malformed(expected: string): CountersignError {
  return new CountersignError('token-malformed', { expected })
}
