import {
  encodeBase64url,
  encodePart,
  GOOD_PAYLOAD,
} from '../../../packages/sdk/src/testing/tokens.ts'
import { ec, headerOf, type Row, signParts, tokenOf } from './signing.ts'

/** Tokens that are rightly signed, and not spelled as a JWT is: two parsers could differ on them. */

const HEADER = JSON.stringify(headerOf(ec))
const PAYLOAD = JSON.stringify(GOOD_PAYLOAD)
const withMember = (text: string, member: string): string => `${text.slice(0, -1)},${member}}`

export function jsons(): readonly Row[] {
  const bad = 'token-malformed'
  const header = encodePart(HEADER)
  const spelled = (payload: string): string => tokenOf(ec, payload, HEADER)
  const extended = (member: string): string => spelled(withMember(PAYLOAD, member))
  const raw = (...parts: (string | number)[]): string => {
    const bytes = parts.map((one) => (typeof one === 'number' ? Buffer.of(one) : Buffer.from(one)))
    return signParts(ec, header, encodeBase64url(Buffer.concat(bytes)))
  }
  const holding = (...bytes: number[]): string =>
    raw(PAYLOAD.slice(0, -1), ',"a":"', ...bytes, '"}')
  const nested = (levels: number): string => `"a":${'['.repeat(levels)}${']'.repeat(levels)}`
  const headed = (text: string): string => tokenOf(ec, PAYLOAD, text)
  return [
    ['exp twice', extended('"exp":9999999999'), bad],
    ['exp twice, once escaped', extended('"e\\u0078p":9999999999'), bad],
    ['a member twice, deep inside', extended('"a":[{"b":{"c":1,"c":1}}]'), bad],
    ['alg twice', headed(withMember(HEADER, '"alg":"ES256"')), bad],
    ['kid twice', headed(withMember(HEADER, '"kid":"ec"')), bad],
    ['__proto__ in the payload', extended('"__proto__":{"admin":true}'), bad],
    ['__proto__ in the header', headed(withMember(HEADER, '"__proto__":{"kid":"rsa"}')), bad],
    ['a byte order mark', raw(0xef, 0xbb, 0xbf, PAYLOAD), bad],
    ['a byte order mark behind', raw(PAYLOAD, 0xef, 0xbb, 0xbf), bad],
    ['a byte order mark in the header', headed(`\ufeff${HEADER}`), bad],
    ['UTF-16', raw(0xff, 0xfe, ...[...PAYLOAD].flatMap((one) => [one, 0])), bad],
    ['a byte that is never UTF-8', holding(0xff), bad],
    ['a byte that goes on from nothing', holding(0x80), bad],
    ['an overlong slash', holding(0xc0, 0xaf), bad],
    ['an overlong zero', holding(0xc0, 0x80), bad],
    ['a surrogate in UTF-8', holding(0xed, 0xa0, 0x80), bad],
    ['a pair of surrogates in UTF-8', holding(0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80), bad],
    ['a character beyond the last', holding(0xf4, 0x90, 0x80, 0x80), bad],
    ['a character that is cut off', holding(0xf0, 0x9d, 0x84), bad],
    [
      'bytes that are no UTF-8 in the header',
      signParts(
        ec,
        encodeBase64url(
          Buffer.concat([
            Buffer.from(`${HEADER.slice(0, -1)},"a":"`),
            Buffer.of(0xff),
            Buffer.from('"}'),
          ]),
        ),
        encodePart(PAYLOAD),
      ),
      bad,
    ],
    [
      'bytes that are no UTF-8, and the character that stands for them',
      holding(0xff, 0xef, 0xbf, 0xbd),
      bad,
    ],
    ['the character that stands for bytes that are no UTF-8', extended('"a":"\ufffd"'), 'accepted'],
    ['a byte order mark in a claim', extended('"a":"\ufeff"'), 'accepted'],
    ['characters of two, three and four bytes', extended('"a":"é€𝄞"'), 'accepted'],
    ['a line separator', extended('"a":"\u2028"'), 'accepted'],
    ['an escaped surrogate', extended('"a":"\\ud800"'), 'accepted'],
    ['an escaped zero', extended('"a":"\\u0000"'), 'accepted'],
    ['blanks around', spelled(`\t\r\n ${PAYLOAD} `), 'accepted'],
    ['a blank of another alphabet', spelled(`\u00a0${PAYLOAD}`), bad],
    ['32 levels', extended(nested(31)), 'accepted'],
    ['33 levels', extended(nested(33)), bad],
    ['5,000 levels', extended(nested(5_000)), bad],
    ['200,000 levels', extended(nested(200_000)), bad],
    ['300 members', extended(Array.from({ length: 300 }, (_, at) => `"a${at}":1`).join(',')), bad],
    ['a comma too many', spelled(`${PAYLOAD.slice(0, -1)},}`), bad],
    ['a comment', spelled(`${PAYLOAD}/* */`), bad],
    ['something behind', spelled(`${PAYLOAD}{}`), bad],
    ['a zero byte behind', raw(PAYLOAD, 0), bad],
    ['single quotes', spelled(PAYLOAD.replaceAll('"', "'")), bad],
    ['NaN', extended('"a":NaN'), bad],
    ['a number in hexadecimal', extended('"a":0x10'), bad],
    ['a number that begins with zero', extended('"a":010'), bad],
    ['a line end in a text', extended('"a":"\n"'), bad],
    ['an array', spelled(`[${PAYLOAD}]`), bad],
    ['a text', spelled(JSON.stringify(PAYLOAD)), bad],
    ['null', spelled('null'), bad],
    ['nothing', `${header}..AAAA`, bad],
    ['numbers at their limits', extended('"a":[1e308,-0,5e-324,9007199254740993,1E2]'), 'accepted'],
  ]
}

export function spellings(): readonly Row[] {
  const bad = 'token-malformed'
  const padded = (text: string, rest: number): string =>
    encodePart(text.padEnd(Math.ceil(text.length / 3) * 3 + rest))
  const strayed = (part: string): string =>
    part.slice(0, -1) + String.fromCharCode(part.charCodeAt(part.length - 1) + 1)
  const token = tokenOf(ec)
  const [header = '', payload = '', signature = ''] = token.split('.')
  const joined = (...parts: string[]): string => parts.join('.')
  const inserted = (part: string, text: string): string => part.slice(0, 8) + text + part.slice(8)
  const signed = (head: string, body: string): string => signParts(ec, head, body)
  // Each of them is signed as it is spelled: only the spelling is wrong.
  const around: readonly [string, string][] = [
    ['a line end', '\n'],
    ['a blank', ' '],
    ['a tabulator', '\t'],
    ['a zero', '\0'],
    ['padding', '='],
    ['a plus', '+'],
    ['a slash', '/'],
    ['a percent sign', '%2D'],
    ['a soft hyphen', '\u00ad'],
    ['a blank of no width', '\u200b'],
    ['a byte order mark', '\ufeff'],
  ]
  return [
    ...around.flatMap(([name, text]): Row[] => [
      [`${name} in the header`, signed(inserted(header, text), payload), bad],
      [`${name} in the payload`, signed(header, inserted(payload, text)), bad],
      [`${name} in the signature`, joined(header, payload, inserted(signature, text)), bad],
      [`${name} before the token`, text + token, bad],
      [`${name} behind the token`, token + text, bad],
    ]),
    ['stray bits in the header', signed(strayed(padded(HEADER, 1)), payload), bad],
    ['stray bits in the payload', signed(header, strayed(padded(PAYLOAD, 1))), bad],
    ['stray bits of two', signed(header, strayed(padded(PAYLOAD, 2))), bad],
    ['stray bits in the signature', joined(header, payload, strayed(signature)), bad],
    ['padding that is due', signed(header, `${padded(PAYLOAD, 1)}==`), bad],
    ['padding that is due once', signed(header, `${padded(PAYLOAD, 2)}=`), bad],
    ['one character too many', signed(header, `${padded(PAYLOAD, 0)}A`), bad],
    ['no bits too many', signed(header, padded(PAYLOAD, 1)), 'accepted'],
    ['no bits too many, of two', signed(header, padded(PAYLOAD, 2)), 'accepted'],
    ['no rest', signed(header, padded(PAYLOAD, 0)), 'accepted'],
    ['two parts', joined(header, payload), bad],
    ['four parts', `${token}.`, bad],
    ['five parts, as of a JWE', `${token}.AAAA.AAAA`, bad],
    ['no header', joined('', payload, signature), bad],
    ['no payload', joined(header, '', signature), bad],
    ['only dots', '..', bad],
    ['JSON instead of a part', joined(HEADER, payload, signature), bad],
  ]
}

/** Characters that become the right one when somebody keeps only one byte of each. */
export function lookalikes(): readonly Row[] {
  const token = tokenOf(ec)
  const starts = {
    header: 0,
    payload: token.indexOf('.') + 1,
    signature: token.lastIndexOf('.') + 1,
  }
  const replaced = (at: number, text: string): string =>
    token.slice(0, at) + text + token.slice(at + 1)
  const offsets: readonly [string, number][] = [
    ['of Latin Extended', 0x100],
    ['beyond', 0x2000],
    ['among the high surrogates', 0xd800],
    ['among the low surrogates', 0xdc00],
    ['of full width', 0xfee0],
    ['at the end of the plane', 0xff00],
  ]
  const rows = Object.entries(starts).flatMap(([part, start]) =>
    offsets.flatMap(([name, offset]): Row[] =>
      [start, start + 3, start + 9].map((at) => [
        `a character ${name}, at ${at - start} of the ${part}`,
        replaced(at, String.fromCharCode(token.charCodeAt(at) + offset)),
        'token-malformed',
      ]),
    ),
  )
  // Whole parts, so that a decoder which keeps the low byte would find them good.
  const shifted = (text: string): string =>
    [...text].map((one) => String.fromCharCode(one.charCodeAt(0) + 0x100)).join('')
  const [header = '', payload = '', signature = ''] = token.split('.')
  const dots = [...token].flatMap((one, at) => (one === '.' ? [at] : []))
  return [
    ...rows,
    ['a header of them', `${shifted(header)}.${payload}.${signature}`, 'token-malformed'],
    ['a payload of them', `${header}.${shifted(payload)}.${signature}`, 'token-malformed'],
    ['a signature of them', `${header}.${payload}.${shifted(signature)}`, 'token-malformed'],
    ['a token of them', shifted(token), 'token-malformed'],
    ...dots.map((at): Row => [`a dot at ${at}`, replaced(at, '\u012e'), 'token-malformed']),
    ['a lone high surrogate behind', `${token}\ud800`, 'token-malformed'],
    ['a lone low surrogate before', `\udc00${token}`, 'token-malformed'],
    ['a pair of surrogates', `${token}\ud83d\ude00`, 'token-malformed'],
    ['only a lone surrogate', '\ud800', 'token-malformed'],
    ['three parts of lone surrogates', '\ud800.\ud800.\ud800', 'token-malformed'],
    [
      'the letter ı in the signature',
      `${header}.${payload}.ı${signature.slice(1)}`,
      'token-malformed',
    ],
    [
      'the sign K in the signature',
      `${header}.${payload}.\u212a${signature.slice(1)}`,
      'token-malformed',
    ],
  ]
}

export function sizes(): readonly Row[] {
  const filled = (characters: number): string =>
    tokenOf(ec, { ...GOOD_PAYLOAD, a: 'x'.repeat(characters) })
  const least = 16_384 - tokenOf(ec).length
  // Three bytes are four characters, so that the bound is met or just missed.
  const past = Array.from({ length: least }, (_, count) => count).find(
    (count) => filled(count).length > 16_384,
  )
  if (past === undefined) throw new Error('No token is too long.')
  return [
    ['at the bound', filled(past - 1), 'accepted'],
    ['past the bound', filled(past), 'token-malformed'],
    ['of a megabyte', filled(1_000_000), 'token-malformed'],
    [
      'a header of 4 KiB',
      tokenOf(ec, GOOD_PAYLOAD, headerOf(ec, { a: 'x'.repeat(4_096) })),
      'token-malformed',
    ],
    ['20,000 dots', '.'.repeat(20_000), 'token-malformed'],
  ]
}
