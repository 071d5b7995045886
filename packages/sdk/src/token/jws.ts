import { decodedLength } from './base64url.ts'
import { type Codec, PORTABLE_CODEC } from './codec.ts'
import { type CountersignError, refusal } from './errors.ts'
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

  // One buffer for all: the characters of the token, and behind them the bytes of one part after the
  // other. Allocation is what costs most here.
  const bytes = codec.encode(token, decodedLength(Math.max(first, second - first - 1)))
  if (bytes === null) throw malformed('ASCII')
  const header = decodeObject(codec, token, bytes, 0, first, 'header')
  const payload = decodeObject(codec, token, bytes, first + 1, second, 'payload')
  // In place: nobody needs its characters any more.
  const start = second + 1
  if (!codec.decodeBase64url(token, bytes, start, length, start)) {
    throw malformed('a signature in base64url')
  }
  return {
    header,
    payload,
    signingInput: bytes.subarray(0, second),
    signature: bytes.subarray(start, start + decodedLength(length - start)),
  }
}

function decodeObject(
  codec: Codec,
  token: string,
  bytes: Uint8Array,
  start: number,
  end: number,
  part: string,
): JsonObject {
  const written = token.length
  if (!codec.decodeBase64url(token, bytes, start, end, written)) {
    throw malformed(`a ${part} in base64url`)
  }
  const text = codec.decode(bytes, written, written + decodedLength(end - start))
  const object = text === null ? null : parseJsonObject(text)
  if (object === null) throw malformed(`a ${part} that is strict JSON`)
  return object
}

function malformed(expected: string): CountersignError {
  return refusal('token-malformed', expected)
}
