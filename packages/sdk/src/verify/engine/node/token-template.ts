import { isJsonObject, type JsonObject, parseJsonObject } from '../../../token/json.ts'
import type { VerifiedToken } from '../../verified-tokens.ts'

/** Longer tokens have no template. */
export const MAX_CHARACTERS = 4_096

/** So many a double holds, whatever they are. */
const MAX_DIGITS = 15

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
export interface Template<Claims> extends VerifiedToken<Claims> {
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

/**
 * A part of the token that is looked at, decoded. One token is at a time, from its first byte to its last, so
 * that one room does for all: to make one for each takes longer than to fill it.
 */
export const part = Buffer.allocUnsafeSlow(MAX_CHARACTERS)

/** The values of the payload that was compared last: numbers by {@link MEMBERS}, and where the id is. */
const numbers = [0, 0, 0, 0]
let idStart = 0
let idEnd = 0

/**
 * Whether the payload in {@link part} is that of the template, whatever is in the holes, which are read.
 *
 * @param length Its bytes.
 */
export function isLike({ holes, rest }: Template<unknown>, length: number): boolean {
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
export function claimsOf<Claims extends object>({
  claims,
  holes,
  statusList,
}: Template<Claims>): Claims {
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
export function templateOf<Claims extends object>(
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
