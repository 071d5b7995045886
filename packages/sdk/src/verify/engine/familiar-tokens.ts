import { decodeBase64urlInto, decodedLength } from '../../token/base64url.ts'
import { refusal } from '../../token/errors.ts'
import { isJsonObject, type JsonObject, parseJsonObject } from '../../token/json.ts'
import type { VerifiedToken, VerifiedTokens } from '../verified-tokens.ts'
import type { Judge } from './engine.ts'

/**
 * The tokens that a machine gets for a receiver differ in their times, their id and their place in a status
 * list, and in nothing else. Here they are read as what they are: of a token like one that was verified, only
 * those values are read, and everything around them is compared, byte by byte. What was judged then is
 * not judged again; the times, the status and the signature are judged of each.
 *
 * A token that is anything else, by a single byte, is read as every token is: this only ever says the
 * same, sooner.
 */

/** Longer ones are read like all others. */
const MAX_CHARACTERS = 4_096

/** So many a double holds, whatever they are. */
const MAX_DIGITS = 15

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

/** More than anybody can guess: 192 bits in characters, 256 in bytes. */
const FORGOTTEN_BYTES = 32

/** The values that may differ, by the member of the claims. */
const MEMBERS = ['exp', 'nbf', 'iat', 'idx', 'jti'] as const
const [EXP, NBF, IAT, IDX, JTI] = [0, 1, 2, 3, 4] as const

/** A value that may differ, and what stands before it. */
interface Hole {
  readonly before: Uint8Array
  /** Index in {@link MEMBERS}. */
  readonly member: number
}

/** A token that was verified, with holes. */
interface Template<Claims> extends VerifiedToken<Claims> {
  readonly statusList: unknown
  /** The characters up to the first value that may differ, or some less: three bytes are four characters. */
  readonly prefix: string
  /** Where in it the machine is named, roughly: behind that its kinds of tokens may differ. */
  readonly place: number
  readonly holes: readonly Hole[]
  /** What stands behind the last. */
  readonly rest: Uint8Array
  /** Whether another token has been like it. */
  isUsed: boolean
}

// One token is looked at at a time, from its first byte to its last, so that one room does for all: to make
// one for each takes longer than to fill it.

/** The characters of the token: for each its three bytes at most, so that none is cut off. */
const input = Buffer.allocUnsafeSlow(MAX_CHARACTERS * 3)
/** A part of it, decoded. */
const part = Buffer.allocUnsafeSlow(MAX_CHARACTERS)
const inputs = new Map<number, Uint8Array>()
const signatures = new Map<number, Uint8Array>()

/** The values of the payload that was compared last: numbers by {@link MEMBERS}, and where the id is. */
const numbers = [0, 0, 0, 0]
let idStart = 0
let idEnd = 0

/**
 * Knows tokens that are like others, besides those that have been seen.
 *
 * @param seen Remembers those, and from now on the familiar ones as well.
 */
export function createFamiliarTokens<Claims extends object>(
  seen: VerifiedTokens<Claims>,
  maxCharacters: number,
  judge: Judge<Claims>,
): VerifiedTokens<Claims> {
  const longest = Math.min(maxCharacters, MAX_CHARACTERS)
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
      const verified = verifyAndForget(template, token)
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
      const template = templateOf(token, verified, (payload) => judge(payload, judgedMs))
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
  const end = token.indexOf('.', prefix.length)
  const payloadLength = decodedLength(end - prefix.length)
  const isReadable =
    end > 0 &&
    decodedLength(length - end - 1) === signatureLength &&
    // A byte a character, or it is not ASCII.
    input.write(token) === length &&
    decodeBase64urlInto(input, prefix.length, end, part, 0) &&
    isLike(template, payloadLength)
  if (!isReadable) return undefined
  const claims = claimsOf(template)
  if (!decodeBase64urlInto(input, end + 1, length, part, 0)) return undefined
  const signature = startOf(part, signatureLength, signatures)
  // A promise is no verdict.
  if (key.check(startOf(input, end, inputs), signature) === true) return { key, claims }
  throw refusal('token-signature-invalid')
}

/** What is left of it opens nothing, whatever it was, and however long no other token comes. */
function verifyAndForget<Claims extends object>(
  template: Template<Claims>,
  token: string,
): VerifiedToken<Claims> | undefined {
  try {
    return verifyLike(template, token)
  } finally {
    const { length } = token
    for (let back = 1; back <= FORGOTTEN_BYTES; back++) input[length - back] = 0
    for (let at = 0; at < FORGOTTEN_BYTES; at++) part[at] = 0
  }
}

/** The first bytes, in a view that is made once. */
function startOf(bytes: Uint8Array, length: number, views: Map<number, Uint8Array>): Uint8Array {
  const known = views.get(length)
  if (known !== undefined) return known
  const view = bytes.subarray(0, length)
  views.set(length, view)
  return view
}

/** Whether the decoded payload is that of the template, whatever is in the holes, which are read. */
function isLike({ holes, rest }: Template<unknown>, length: number): boolean {
  let at = 0
  for (let index = 0; index < holes.length; index++) {
    const { before, member } = holes[index] as Hole
    if (!isAt(at, before)) return false
    at = (member === JTI ? readId : readNumber)(at + before.length, member)
    if (at < 0) return false
  }
  return at + rest.length === length && isAt(at, rest)
}

function isAt(at: number, bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index++) {
    if (part[at + index] !== bytes[index]) return false
  }
  return true
}

const ZERO = 0x30

/** A whole number as JSON has it. @returns Where it ends; -1 when there is none. */
function readNumber(start: number, member: number): number {
  let value = 0
  let at = start
  for (;;) {
    const digit = (part[at] as number) - ZERO
    if (!(digit >= 0 && digit <= 9)) break
    value = value * 10 + digit
    at++
  }
  const digits = at - start
  if (digits === 0 || digits > MAX_DIGITS || (digits > 1 && part[start] === ZERO)) return -1
  numbers[member] = value
  return at
}

/** What an id may be made of. Anything else ends it, a quote and a backslash among them. */
const IN_ID = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(/[\w-]/.test(String.fromCharCode(byte))),
)

/** @returns Where the id ends; -1 when there is none. */
function readId(start: number): number {
  let at = start
  while (IN_ID[part[at] as number] === 1) at++
  idStart = start
  idEnd = at
  return at > start ? at : -1
}

interface Varying {
  exp?: number
  nbf?: number
  iat?: number
  jti?: string
  status?: unknown
}

/** The claims of the template, with what was read in its holes. */
function claimsOf<Claims extends object>({ claims, holes, statusList }: Template<Claims>): Claims {
  const own: Claims & Varying = { ...claims }
  for (let index = 0; index < holes.length; index++) {
    const { member } = holes[index] as Hole
    const number = numbers[member] as number
    if (member === EXP) own.exp = number
    else if (member === NBF) own.nbf = number
    else if (member === IAT) own.iat = number
    else if (member === JTI) own.jti = part.toString('latin1', idStart, idEnd)
    else own.status = { status_list: { ...(statusList as object), idx: number } }
  }
  return own
}

/** A value of a token that was verified, and another that it could have had. */
interface Value {
  readonly member: number
  readonly at: number
  readonly text: string
  readonly other: string
}

/** The template of a token; `null` where one would not say what the judge says. */
function templateOf<Claims extends object>(
  token: string,
  verified: VerifiedToken<Claims>,
  judge: (payload: JsonObject) => Claims,
): Template<Claims> | null {
  const start = token.indexOf('.') + 1
  const payload = Buffer.from(token.slice(start, token.indexOf('.', start)), 'base64url')
  const text = payload.toString('latin1')
  const { status } = verified.claims as Varying
  const values = valuesOf(text, isJsonObject(status))
  const [first] = values
  const subject = subjectAt(text)
  // With its times in front, a token begins like everybody else's, and tells nobody's kind.
  if (first === undefined || first.at < subject) return null

  const skipped = Math.floor(first.at / 3)
  let from = skipped * 3
  let other = text.slice(0, from)
  const holes = values.map((value) => {
    const before = text.slice(from, value.at)
    from = value.at + value.text.length
    other += before + value.other
    return { before: bytesOf(before), member: value.member }
  })
  const rest = text.slice(from)
  other += rest
  // Written anew: a part of the token's own text would keep all of it in memory.
  const prefix = Buffer.from(token.slice(0, start + skipped * 4)).toString('latin1')
  const template = {
    ...verified,
    statusList: isJsonObject(status) ? status['status_list'] : undefined,
    prefix,
    place: Math.min(prefix.length, start + encodedLength(text.indexOf('"', subject))),
    holes,
    rest: bytesOf(rest),
    isUsed: false,
  }
  return readsLike(template, skipped * 3, other, judge) ? template : null
}

/** In a room of their own: a piece of Node's pool would keep what lies beside it, which is the token. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

/** Where the text of `sub` begins, as a rule: what is found elsewhere only makes a worse name. */
function subjectAt(text: string): number {
  const at = text.indexOf('"sub":"')
  return at < 0 ? Number.POSITIVE_INFINITY : at + '"sub":"'.length
}

/** How many characters these bytes and what shares the last of them are written in. */
function encodedLength(bytes: number): number {
  return Math.ceil(bytes / 3) * 4
}

/** Where the values stand that may differ. Whether they are what they seem is for {@link readsLike}. */
function valuesOf(text: string, hasStatus: boolean): Value[] {
  const values: Value[] = []
  for (const [member, name] of MEMBERS.entries()) {
    if (member === IDX && !hasStatus) continue
    const label = member === JTI ? `"${name}":"` : `"${name}":`
    const at = text.lastIndexOf(label) + label.length
    // All of a number, with its fraction and its exponent: a part of one says nothing.
    const [value = ''] = (member === JTI ? /^[\w-]+/ : /^[\d.eE+-]+/).exec(text.slice(at)) ?? []
    if (at < label.length || value === '') continue
    values.push({ member, at, text: value, other: otherThan(value, member) })
  }
  return values.sort((a, b) => a.at - b.at)
}

/** A later end, an earlier beginning, another place and another id: a judge would take them as well. */
function otherThan(value: string, member: number): string {
  if (member === JTI) return value.replaceAll(/./g, (character) => (character === 'a' ? 'b' : 'a'))
  return String(Number(value) + (member === NBF || member === IAT ? -1 : 1))
}

/** Whether a payload that only differs in the holes is read as the judge reads it. */
function readsLike<Claims extends object>(
  template: Template<Claims>,
  skipped: number,
  text: string,
  judge: (payload: JsonObject) => Claims,
): boolean {
  const payload = parseJsonObject(text)
  if (payload === null) return false
  part.write(text.slice(skipped), 'latin1')
  if (!isLike(template, text.length - skipped)) return false
  try {
    return JSON.stringify(claimsOf(template)) === JSON.stringify(judge(payload))
  } catch {
    return false
  }
}
