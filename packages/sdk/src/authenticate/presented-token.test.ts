import { describe, expect, test } from 'vitest'
import { requestWith } from '../testing/requests.ts'
import { bearerToken, sessionCookie } from './presented-token.ts'

/** A header as platforms give it that check less than `Headers` does. */
const raw = (value: string): { headers: { get(name: string): string } } => ({
  headers: { get: () => value },
})

describe('the Authorization header', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])(
    'gives its one token when the scheme is spelt %s (RFC 9110 §11.1)',
    (scheme) => {
      expect(bearerToken(requestWith(`${scheme} mt_1`))).toEqual({ token: 'mt_1' })
    },
  )

  test.each([
    ['blanks around it', '  Bearer   mt_1  ', 'mt_1'],
    ['dots, dashes and underscores', 'Bearer a-b_c.d.e', 'a-b_c.d.e'],
    ['padding and slashes', 'Bearer ak_a/b+c==', 'ak_a/b+c=='],
    ['the scheme’s own name', 'Bearer Bearer', 'Bearer'],
  ])('gives a token with %s', (_, header, token) => {
    expect(bearerToken(requestWith(header))).toEqual({ token })
  })

  test('gives a token with tabs around it', () => {
    expect(bearerToken(raw('Bearer \t mt_1 \t'))).toEqual({ token: 'mt_1' })
    expect(sessionCookie(raw('a=b;\t__session=a.b.c\t'))).toEqual({ token: 'a.b.c' })
  })

  test('gives none when it is absent or empty', () => {
    expect(bearerToken(requestWith())).toBe('none')
    expect(bearerToken(requestWith(''))).toBe('none')
    expect(bearerToken(requestWith('   '))).toBe('none')
  })

  test.each([
    ['no scheme', 'mt_1'],
    ['no scheme, before a JWT', 'e30.e30.e30'],
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['a scheme that begins like ours', 'Bearer2 mt_1'],
    ['a scheme that ends like ours', 'xBearer mt_1'],
    ['a scheme with a colon', 'Bearer: mt_1'],
    ['a DPoP token', 'DPoP mt_1'],
    ['a tab for a blank', 'Bearer\tmt_1'],
  ])('with %s gives none', (_, header) => {
    expect(bearerToken(requestWith(header))).toBe('none')
  })

  test.each([
    ['no token', 'Bearer'],
    ['no token but blanks', 'Bearer   '],
    ['two tokens', 'Bearer mt_1 mt_2'],
    ['two tokens and a tab', 'Bearer mt_1\tmt_2'],
    ['a list', 'Bearer mt_1,mt_2'],
    ['a parameter', 'Bearer mt_1;a=b'],
    ['a character outside ASCII', 'Bearer mt_\u00e9'],
    ['a non-breaking blank', 'Bearer mt_1\u00a0'],
  ])('with %s is refused', (_, header) => {
    expect(bearerToken(requestWith(header))).toBe('malformed')
  })

  test.each([0, 1, 0x0a, 0x0d, 0x1f, 0x7f, 0x80, 0x2028, 0xfeff, 0xffff])(
    'with the character %i in its token is refused, whatever the platform lets through',
    (code) => {
      expect(bearerToken(raw(`Bearer mt_${String.fromCharCode(code)}1`))).toBe('malformed')
    },
  )

  test.each([
    ['two of ours', ['Bearer mt_1', 'Bearer mt_2']],
    ['the same twice', ['Bearer mt_1', 'Bearer mt_1']],
    ['ours and another', ['Bearer mt_1', 'Basic dXNlcjpwYXNz']],
    ['another and ours', ['Basic dXNlcjpwYXNz', 'bearer mt_1']],
    ['another with parameters, and ours', ['Digest username="u"', 'BEARER mt_1']],
  ])('that is sent twice is refused: %s', (_, values) => {
    const headers = new Headers()
    for (const value of values) headers.append('authorization', value)
    expect(bearerToken({ headers })).toBe('malformed')
  })

  test('that is longer than any token is refused before it is read', () => {
    expect(bearerToken(raw(`Bearer ${'a'.repeat(131_064)}`))).toEqual({
      token: 'a'.repeat(131_064),
    })
    expect(bearerToken(raw(`Bearer ${'a'.repeat(131_066)}`))).toBe('malformed')
    expect(bearerToken(raw(`Basic ${','.repeat(10_000_000)}`))).toBe('malformed')
  })
})

describe('the session’s cookie', () => {
  test.each([
    ['alone', '__session=a.b.c'],
    ['first', '__session=a.b.c; theme=dark'],
    ['last', 'theme=dark; __session=a.b.c'],
    ['without a blank before it', 'theme=dark;__session=a.b.c'],
    ['with blanks around it', ' theme=dark ;  __session=a.b.c  ; x=y'],
    ['beside names that look like it', '__session_1=x; x__session=y; __SESSION=z; __session=a.b.c'],
    ['beside pairs without a name', 'a; =b; ;; __session=a.b.c'],
  ])('gives its token %s', (_, cookie) => {
    expect(sessionCookie(requestWith(undefined, cookie))).toEqual({ token: 'a.b.c' })
  })

  test.each([
    ['no cookie', undefined],
    ['an empty header', ''],
    ['other cookies', 'theme=dark; a=b'],
    ['an empty one, as after signing out', '__session='],
    ['a name alone', '__session'],
    ['a longer name', '__session_abc=a.b.c'],
    ['a prefixed name', '__Host-__session=a.b.c'],
    ['a name in capitals', '__Session=a.b.c'],
    ['a name with a blank before the sign', '__session =a.b.c'],
    ['the name in another cookie’s value', 'theme=__session=a.b.c'],
    ['a comma for a semicolon before it', 'theme=dark,__session=a.b.c'],
  ])('is not there with %s', (_, cookie) => {
    expect(sessionCookie(requestWith(undefined, cookie))).toBe('none')
  })

  test.each([
    ['two of the name', '__session=a.b.c; __session=d.e.f'],
    ['the same twice', '__session=a.b.c; __session=a.b.c'],
    ['an empty one before it', '__session=; __session=a.b.c'],
    ['an empty one after it', '__session=a.b.c; __session='],
    ['a blank inside', '__session=a.b c'],
    ['a comma inside', '__session=a.b.c, theme=dark'],
    ['a character outside ASCII', '__session=a.b.\u00e9'],
    ['a non-breaking blank after it', '__session=a.b.c\u00a0'],
  ])('is refused with %s', (_, cookie) => {
    expect(sessionCookie(requestWith(undefined, cookie))).toBe('malformed')
  })

  test('keeps its quotes and escapes, with which it is no JWT', () => {
    expect(sessionCookie(requestWith(undefined, '__session="a.b.c"'))).toEqual({ token: '"a.b.c"' })
    expect(sessionCookie(requestWith(undefined, '__session=a%2Eb.c'))).toEqual({ token: 'a%2Eb.c' })
  })

  test('that is longer than any token is refused before it is read', () => {
    expect(sessionCookie(raw(`__session=${'a'.repeat(131_072)}`))).toBe('malformed')
  })
})
