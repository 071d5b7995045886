import { decodeBase64urlInto, decodedLength } from './base64url.ts'
import { CountersignError } from './errors.ts'
import { type JsonObject, parseJsonObject } from './json.ts'

/** A compact JWS, taken apart (RFC 7515 §7.1). Nothing in it is authenticated. */
export interface Jws {
  /** The first part as it was written: equal texts are equal headers. */
  readonly headerText: string
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

const NONE: ReadonlyMap<string, JsonObject> = new Map()

/**
 * Takes a token apart, strictly and in one pass. Bounds come before work.
 *
 * @param knownHeaders Headers that were parsed before, by their text: a key signs every token under
 *   the same one.
 * @throws {CountersignError} `token-malformed`
 */
export function parseJws(token: string, knownHeaders: ReadonlyMap<string, JsonObject> = NONE): Jws {
  if (typeof token !== 'string') throw malformed('a string')
  if (token.length > MAX_TOKEN_CHARACTERS) throw malformed('a shorter token')
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first < 1 || second < 0 || token.indexOf('.', second + 1) >= 0) {
    throw malformed('three parts with dots between')
  }
  if (first > MAX_HEADER_CHARACTERS) throw malformed('a shorter header')

  // One buffer for all: the characters of the token, and behind them the bytes of one part after the
  // other. Allocation is what costs most here.
  const { length } = token
  const bytes = new Uint8Array(length + decodedLength(Math.max(first, second - first - 1)))
  if (ASCII.encodeInto(token, bytes).written !== length) throw malformed('ASCII')

  const headerText = token.slice(0, first)
  const header = knownHeaders.get(headerText) ?? decodeObject(bytes, 0, first, length, 'header')
  const payload = decodeObject(bytes, first + 1, second, length, 'payload')
  return {
    headerText,
    header,
    payload,
    signingInput: bytes.subarray(0, second),
    signature: decodeSignature(bytes, second + 1, length),
  }
}

function decodeObject(
  bytes: Uint8Array,
  start: number,
  end: number,
  written: number,
  part: string,
): JsonObject {
  if (!decodeBase64urlInto(bytes, start, end, bytes, written)) {
    throw malformed(`a ${part} in base64url`)
  }
  const object = parseJsonObject(bytes.subarray(written, written + decodedLength(end - start)))
  if (object === null) throw malformed(`a ${part} that is one unambiguous JSON object`)
  return object
}

/** In place: nobody needs its characters any more. */
function decodeSignature(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (decodeBase64urlInto(bytes, start, end, bytes, start)) {
    return bytes.subarray(start, start + decodedLength(end - start))
  }
  throw malformed('a signature in base64url')
}

function malformed(expected: string): CountersignError {
  return new CountersignError('token-malformed', { expected })
}
