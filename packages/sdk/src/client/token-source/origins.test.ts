import { describe, expect, test } from 'vitest'
import { checkOrigins, judgePlace, judgeRedirect, placeOf } from './origins.ts'

const origins = checkOrigins(['https://api.test', 'http://127.0.0.1:8080'])
const judge = (text: string): void => {
  judgePlace(placeOf(text), origins)
}

test.each([
  'https://api.test',
  'https://api.test/',
  'https://api.test/a?b#c',
  'https://API.Test:443/a',
  'HTTPS://api.test/..//x',
  'https:api.test/a',
  '  https://api.test/a  ',
  'https://api.test\\a',
  // The platform takes a backslash for a slash, and that is what is sent: this is a path at api.test.
  'https://api.test\\@evil.test/',
  'https://api.te\tst/a',
  'http://127.0.0.1:8080/a',
  'http://127.1:8080/a',
])('%s is a place of these origins', (text) => {
  expect(() => {
    judge(text)
  }).not.toThrow()
})

test.each([
  'http://api.test/',
  'https://api.test:8443/',
  'https://api.test./',
  'https://www.api.test/',
  'https://api.test.evil.test/',
  'https://evil.test/https://api.test/',
  'https://evil.test#@api.test/',
  'https://api.test@evil.test/',
  'https://api.test:443@evil.test/',
  'https://user@api.test/',
  'https://:secret@api.test/',
  'https://api.test%2eevil.test/',
  'https://api\u3002test.evil.test/',
  // Cyrillic а; it is xn--pi-6kc.test.
  'https://\u0430pi.test/',
  'https://xn--pi-6kc.test/',
  'https://api-test/',
  'http://127.0.0.1/',
  'http://localhost:8080/',
  'http://[::1]:8080/',
  'ws://api.test/',
  'wss://api.test/',
  'ftp://api.test/',
  'file:///api.test',
  'data:text/plain,https://api.test',
  'blob:https://api.test/8f2b1c1e-0000-0000-0000-000000000000',
  'javascript:alert(1)',
])('%s is another place', (text) => {
  expect(() => {
    judge(text)
  }).toThrow(expect.objectContaining({ code: 'origin-not-allowed' }) as Error)
})

test('a full-width host is the host that it is sent to', () => {
  expect(() => {
    judge('https://\uff41pi.test/')
  }).not.toThrow()
})

test.each([
  '',
  '/a',
  '//api.test/a',
  'api.test/a',
  'https://',
  'https://a b/',
  undefined,
  null,
  {},
])('%j is no place at all', (value) => {
  expect(() => placeOf(value)).toThrow(
    expect.objectContaining({ code: 'argument-invalid' }) as Error,
  )
})

describe('a redirect', () => {
  test('from https to http is none, also where both are allowed', () => {
    const both = checkOrigins(['https://api.test', 'http://api.test'])
    const [safe, open] = [new URL('https://api.test/'), new URL('http://api.test/')]
    judgeRedirect(open, safe, both)
    judgeRedirect(open, open, both)
    judgeRedirect(safe, safe, both)
    expect(() => {
      judgeRedirect(safe, open, both)
    }).toThrow(expect.objectContaining({ code: 'origin-not-allowed' }) as Error)
  })
})

test('what is said of a place is its origin, and nothing that may be a secret', () => {
  for (const url of [
    'https://evil.test/path-secret?query-secret#hash-secret',
    'https://u:secret@x/',
  ]) {
    try {
      judge(url)
      expect.fail()
    } catch (error) {
      expect(String(error)).not.toContain('secret')
    }
  }
})

test.each([
  [['https://api.test/path']],
  [['https://api.test?']],
  [['https://api.test#']],
  [['https://user@api.test']],
  [['https://*.test']],
  [['https://api.test\\']],
  [['https://api.test:port']],
  [['ws://api.test']],
  [['api.test']],
  [['*']],
  [[null]],
  [[]],
  ['https://api.test'],
  [null],
])('%j are no origins', (value) => {
  expect(() => checkOrigins(value)).toThrow(
    expect.objectContaining({ code: 'configuration-invalid' }) as Error,
  )
})
