import { type Codec, PORTABLE_CODEC } from './codec.ts'
import { malformed } from './errors.ts'
import { type JsonObject, parseJsonObject } from './json.ts'

/** A compact JWS, taken apart (RFC 7515 §7.1). Nothing in it is authenticated. */
export interface Jws {
  readonly header: JsonObject
  readonly payload: JsonObject
  /** What the signature covers: the ASCII of the first two parts and the dot between. */
  readonly signingInput: Uint8Array
  readonly signature: Uint8Array
}

export interface ParseOptions {
  /** Default 16,384. */
  readonly maxCharacters?: number
  readonly codec?: Codec
}

/** The most characters of a token, unless told otherwise. */
export const MAX_TOKEN_CHARACTERS = 16_384

const MAX_HEADER_CHARACTERS = 2_048

/**
 * Takes a token apart, strictly and in one pass. Bounds come before work.
 *
 * @throws {CountersignError} `token-malformed`
 */
export function parseJws(
  token: string,
  { maxCharacters = MAX_TOKEN_CHARACTERS, codec = PORTABLE_CODEC }: ParseOptions = {},
): Jws {
  if (typeof token !== 'string') throw malformed('a string')
  const { length } = token
  if (length > maxCharacters) throw malformed('a shorter token')
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first < 1 || second < 0 || token.indexOf('.', second + 1) >= 0) {
    throw malformed('three parts')
  }
  if (first > MAX_HEADER_CHARACTERS) throw malformed('a shorter header')

  const header = decodeObject(codec, token.slice(0, first), 'header')
  const payload = decodeObject(codec, token.slice(first + 1, second), 'payload')
  const signature = codec.decodeBase64url(token.slice(second + 1))
  if (signature === null) throw malformed('a signature in base64url')
  // What is base64url is ASCII.
  return { header, payload, signingInput: codec.encode(token.slice(0, second)), signature }
}

function decodeObject(codec: Codec, text: string, part: string): JsonObject {
  const bytes = codec.decodeBase64url(text)
  if (bytes === null) throw malformed(`a ${part} in base64url`)
  const json = codec.decode(bytes)
  const object = json === null ? null : parseJsonObject(json)
  if (object === null) throw malformed(`a ${part} that is strict JSON`)
  return object
}
