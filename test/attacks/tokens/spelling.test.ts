import { describe, expect, test } from 'vitest'
import {
  encodeBase64url,
  encodePart,
  GOOD_PAYLOAD,
  headerOf,
} from '../../../packages/sdk/src/testing/tokens.ts'
import { ec, signParts, textOf, verdict } from './doors.ts'

const HEADER = textOf(headerOf(ec))
const PAYLOAD = textOf(GOOD_PAYLOAD)

describe('rightly signed, but not what a JWT is (two parsers could differ on it)', () => {
  const spaced = (text: string): string => {
    const part = encodePart(text)
    return `${part.slice(0, 8)}\n${part.slice(8)}`
  }
  /** Padded with blanks until a part ends in stray bits, then with one of them set. */
  const strayed = (text: string): string => {
    const part = encodePart(text.padEnd(Math.ceil(text.length / 3) * 3 + 1))
    return part.slice(0, -1) + String.fromCharCode(part.charCodeAt(part.length - 1) + 1)
  }
  const withMember = (text: string, member: string): string => `${text.slice(0, -1)},${member}}`
  const raw = (...parts: (string | number)[]): string =>
    encodeBase64url(
      Buffer.concat(
        parts.map((one) => (typeof one === 'number' ? Buffer.of(one) : Buffer.from(one))),
      ),
    )
  const deep = `"deep":${'['.repeat(200_000)}${']'.repeat(200_000)}`
  const [header, payload] = [encodePart(HEADER), encodePart(PAYLOAD)]

  test.each([
    ['stray bits in the header', strayed(HEADER), payload],
    ['stray bits in the payload', header, strayed(PAYLOAD)],
    [
      'padding in the header',
      `${encodePart(HEADER.padEnd(Math.ceil(HEADER.length / 3) * 3 + 1))}==`,
      payload,
    ],
    ['padding in the payload', header, `${payload}=`],
    ['a line end in the header', spaced(HEADER), payload],
    ['a line end in the payload', header, spaced(PAYLOAD)],
    ['exp twice', header, encodePart(withMember(PAYLOAD, '"exp":9999999999'))],
    ['exp twice, once escaped', header, encodePart(withMember(PAYLOAD, '"e\\u0078p":9999999999'))],
    ['alg twice', encodePart(withMember(HEADER, '"alg":"ES256"')), payload],
    [
      '__proto__ in the payload',
      header,
      encodePart(withMember(PAYLOAD, '"__proto__":{"admin":true}')),
    ],
    [
      '__proto__ in the header',
      encodePart(withMember(HEADER, '"__proto__":{"kid":"rsa"}')),
      payload,
    ],
    ['bytes that are no UTF-8', header, raw(PAYLOAD.slice(0, -1), ',"a":"', 0xff, '"}')],
    ['an overlong byte', header, raw(PAYLOAD.slice(0, -1), ',"a":"', 0xc0, 0xaf, '"}')],
    ['a surrogate of its own', header, raw(PAYLOAD.slice(0, -1), ',"a":"', 0xed, 0xa0, 0x80, '"}')],
    ['a byte order mark', header, raw(0xef, 0xbb, 0xbf, PAYLOAD)],
    ['a zero byte after', header, raw(PAYLOAD, 0)],
    ['comments', header, encodePart(`${PAYLOAD}/* */`)],
    ['200,000 levels', header, encodePart(withMember(PAYLOAD, deep))],
    [
      '33 levels',
      header,
      encodePart(withMember(PAYLOAD, `"a":${'['.repeat(33)}${']'.repeat(33)}`)),
    ],
    ['ten megabytes', header, encodePart(withMember(PAYLOAD, `"a":"${'a'.repeat(10_000_000)}"`))],
    ['a header of 4 KiB', encodePart(withMember(HEADER, `"a":"${'a'.repeat(4_096)}"`)), payload],
    ['crit', encodePart(withMember(HEADER, '"crit":["exp"]')), payload],
    ['an empty crit', encodePart(withMember(HEADER, '"crit":[]')), payload],
    ['b64', encodePart(withMember(HEADER, '"crit":["b64"],"b64":false')), payload],
    ['b64 without crit', encodePart(withMember(HEADER, '"b64":false')), payload],
  ])('%s', async (_, head, body) => {
    expect(await verdict(await signParts(ec, head, body))).toBe('token-malformed')
  })

  test('while the same parts without it are good', async () => {
    expect(await verdict(await signParts(ec, header, payload))).toBe('accepted')
    const blanks = encodePart(`\t\r\n ${PAYLOAD} `)
    expect(await verdict(await signParts(ec, header, blanks))).toBe('accepted')
  })

  test('a signature with padding, a blank or stray bits', async () => {
    const token = await signParts(ec, header, payload)
    const last = token.charCodeAt(token.length - 1)
    for (const text of [
      `${token}==`,
      `${token}\n`,
      `${token}.`,
      token.slice(0, -1) + String.fromCharCode(last + 1),
      token.replace(/\.(?=[^.]*$)/, '. '),
    ]) {
      expect(await verdict(text)).toBe('token-malformed')
    }
  })
})
