import { decodedLength } from '../../../token/base64url.ts'
import { refusal } from '../../../token/errors.ts'
import type { VerifiedToken, VerifiedTokens } from '../../verified-tokens.ts'
import type { VerifiedTokensOptions } from '../engine.ts'
import { decodeCharacters } from './base64url.ts'
import {
  claimsOf,
  isLike,
  MAX_CHARACTERS,
  part,
  type Template,
  templateOf,
} from './token-template.ts'

/**
 * The tokens that a machine gets for a receiver differ in their times, their id and their place in a status
 * list, and in nothing else. Here they are read as what they are: of a token like one that was verified, only
 * those values are read, and everything around them is compared, byte by byte. What was judged then is
 * not judged again; the times, the status and the signature are judged of each.
 *
 * A token that is anything else, by a single byte, is read as every token is: this only ever says the
 * same, sooner.
 */

/** Kinds of tokens of one machine: of more, one that was never of use is forgotten first, and nobody else’s. */
const MAX_KINDS = 4

/** With more it begins anew. */
const MAX_MACHINES = 256

/** Where the machine’s name ends in a token: at one place for each form of header, as a rule. */
const MAX_PLACES = 4

/**
 * Of so many strangers one makes a template, and of twice as many each time, until a token is like one that
 * was made: who puts something new into each token shall not pay for what never comes again.
 */
const MIN_STRANGERS = 4
const MAX_STRANGERS = 1_024

/** The characters of the token that is looked at: for each its three bytes at most, so that none is cut off. */
const input = Buffer.allocUnsafeSlow(MAX_CHARACTERS * 3)
/** The same without Node's ways to it, which are longer. */
const inputBytes = new Uint8Array(input.buffer)
/** Parts of it, each made once. */
const views = new Map<number, Uint8Array>()

/**
 * Knows tokens that are like others, besides those that have been seen.
 *
 * @param seen Remembers those, and from now on the familiar ones as well.
 */
export function createFamiliarTokens<Claims extends object>(
  seen: VerifiedTokens<Claims>,
  { maxTokenBytes, jwtClass }: VerifiedTokensOptions<Claims>,
): VerifiedTokens<Claims> {
  const longest = Math.min(maxTokenBytes, MAX_CHARACTERS)
  /** By what their tokens begin with, up to the machine. */
  const kinds = new Map<string, readonly Template<Claims>[]>()
  /** How long those beginnings are. */
  const places = new Set<number>()
  let latest: Template<Claims> | undefined
  let strangers = MIN_STRANGERS
  let toPass = 0

  const templateFor = (token: string): Template<Claims> | undefined => {
    if (token.length > longest) return undefined
    if (latest !== undefined && beginsAs(latest, token)) return latest
    for (const place of places) {
      const template = kinds.get(token.slice(0, place))?.find((one) => beginsAs(one, token))
      if (template === undefined) continue
      latest = template
      return template
    }
    return undefined
  }

  const learn = (template: Template<Claims>): void => {
    const { prefix, place } = template
    const machine = prefix.slice(0, place)
    const isFull = kinds.size >= MAX_MACHINES && !kinds.has(machine)
    if (isFull || (places.size >= MAX_PLACES && !places.has(place))) {
      kinds.clear()
      places.clear()
    }
    const others = kinds.get(machine)?.filter((one) => one.prefix !== prefix) ?? []
    const [used, unused] = [others.filter(isUsed), others.filter((one) => !isUsed(one))]
    kinds.set(machine, [template, ...used, ...unused].slice(0, MAX_KINDS))
    places.add(place)
    latest = template
  }

  return {
    find(token, isCurrent) {
      const found = seen.find(token, isCurrent)
      if (found !== undefined) return found
      const template = templateFor(token)
      if (template === undefined || !isCurrent(template.key)) return undefined
      const verified = verifyLike(template, token)
      if (verified === undefined) return undefined
      seen.remember(token, verified)
      if (!template.isUsed) {
        template.isUsed = true
        strangers = MIN_STRANGERS
        toPass = Math.min(toPass, strangers - 1)
      }
      return verified
    },

    remember(token, verified, judgedMs) {
      seen.remember(token, verified)
      if (judgedMs === undefined || token.length > longest || toPass-- > 0) return
      toPass = strangers - 1
      strangers = Math.min(strangers * 2, MAX_STRANGERS)
      const template = templateOf(token, verified, (payload) => jwtClass.judge(payload, judgedMs))
      if (template !== null) learn(template)
    },
  }
}

function isUsed(template: Template<unknown>): boolean {
  return template.isUsed
}

function beginsAs({ prefix }: Template<unknown>, token: string): boolean {
  // By a fifth of the time of `startsWith`.
  return token.slice(0, prefix.length) === prefix
}

/**
 * What a token says that is like the template.
 *
 * @returns `undefined` when it is not, and for what is malformed.
 * @throws {CountersignError} `token-signature-invalid`
 */
function verifyLike<Claims extends object>(
  template: Template<Claims>,
  token: string,
): VerifiedToken<Claims> | undefined {
  const { length } = token
  const { key, prefix } = template
  const { signatureLength } = key
  const written = input.write(token)
  try {
    const end = token.indexOf('.', prefix.length)
    const start = end + 1
    const isReadable =
      end > 0 &&
      decodedLength(length - start) === signatureLength &&
      // A byte a character, or it is not ASCII.
      written === length &&
      decodeCharacters(input, prefix.length, end, part, 0) &&
      isLike(template, decodedLength(end - prefix.length)) &&
      // Where it stands.
      decodeCharacters(input, start, length, input, start)
    if (!isReadable) return undefined
    const signature = viewOf(start, start + signatureLength)
    // A promise is no verdict.
    if (key.check(viewOf(0, end), signature) === true) {
      return { key, claims: claimsOf(template) }
    }
    throw refusal('token-signature-invalid')
  } finally {
    // However long no other token comes: what is left is no part of it that others do not have.
    inputBytes.fill(0, prefix.length, written)
  }
}

/** A part of the input. */
function viewOf(start: number, end: number): Uint8Array {
  const place = start * MAX_CHARACTERS * 4 + end
  const known = views.get(place)
  if (known !== undefined) return known
  const view = inputBytes.subarray(start, end)
  views.set(place, view)
  return view
}
