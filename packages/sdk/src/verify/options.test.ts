import { describe, expect, test } from 'vitest'
import {
  checkAlgorithms,
  checkFunction,
  checkNames,
  checkNumber,
  checkText,
  checkTextsOrNull,
  checkUrl,
} from './options.ts'

const said = (expected: string): unknown =>
  expect.objectContaining({
    code: 'configuration-invalid',
    message: `configuration-invalid: expected ${expected}`,
  })

test('a name that is not among the options is told, and no more of it than 64 characters', () => {
  checkNames('it', { a: 1 }, ['a', 'b'])
  checkNames('it', {}, [])
  expect(() => {
    checkNames('it', { a: 1, audiance: 1 }, ['a', 'audience'])
  }).toThrow(said('it without audiance'))
  expect(() => {
    checkNames('it', { ['x'.repeat(100)]: 1 }, [])
  }).toThrow(said(`it without ${'x'.repeat(64)}`))
})

test('a text is not empty', () => {
  expect(checkText('it', 'a')).toBe('a')
  for (const odd of ['', undefined, null, 1, ['a']]) {
    expect(() => checkText('it', odd)).toThrow(said('it to be a text'))
  }
})

describe('a URL', () => {
  test.each([
    ['https://a.test', 'https://a.test'],
    ['http://127.0.0.1:4100', 'http://127.0.0.1:4100'],
    ['HTTPS://a.test/tenant', 'HTTPS://a.test/tenant'],
    ['https://a.test/', 'https://a.test'],
    ['https://a.test/b///', 'https://a.test/b'],
    ['https://a.test//b', 'https://a.test//b'],
  ])('%s is kept as it is written, but for the end', (url, kept) => {
    expect(checkUrl('it', url)).toBe(kept)
  })

  test.each([
    'ftp://a.test',
    'file:///etc/keys',
    ' https://a.test',
    'xhttps://a.test',
    'https://a.test ',
    'https://a.test/\n',
    'https://a b.test',
    'https://a.test?x',
    'https://a.test#x',
    'https://user@a.test',
    'https://',
    'http:/a.test',
    'https://[',
    'a.test',
    '',
    undefined,
    null,
    ['https://a.test'],
    new URL('https://a.test'),
  ])('%s is none that anything could be appended to', (url) => {
    expect(() => checkUrl('it', url)).toThrow(
      said('it to be an http(s) URL without query, fragment or user'),
    )
  })
})

test('a number lies within its bounds, both of which belong to it', () => {
  for (const value of [1, 1.5, 2]) expect(checkNumber('it', value, 1, 2)).toBe(value)
  for (const odd of [0.99, 2.01, Number.NaN, Infinity, '1', undefined, null, 1n]) {
    expect(() => checkNumber('it', odd, 1, 2)).toThrow(said('it to be a number from 1 to 2'))
  }
})

test('a function may be left out', () => {
  const work = (): void => undefined
  expect(checkFunction('it', work)).toBe(work)
  expect(checkFunction<unknown>('it', undefined)).toBeUndefined()
  for (const odd of [null, 1, 'f', {}]) {
    expect(() => checkFunction<unknown>('it', odd)).toThrow(said('it to be a function'))
  }
})

test('null is said, and not left out; one text is a list of it', () => {
  expect(checkTextsOrNull('it', null)).toBeNull()
  expect(checkTextsOrNull('it', 'a')).toEqual(['a'])
  expect(checkTextsOrNull('it', ['a', 'b'])).toEqual(['a', 'b'])
  for (const odd of [undefined, '', [], [''], ['a', ''], ['', 'a'], ['a', 1], [1, 'a'], 1, {}]) {
    expect(() => checkTextsOrNull('it', odd)).toThrow(
      said('it to be a text, texts, or null for any'),
    )
  }
})

test('algorithms are some of ours, all of them unless told otherwise, in a list of one’s own', () => {
  expect(checkAlgorithms('it')).toEqual(['RS256', 'ES256', 'EdDSA'])
  const given = ['EdDSA']
  const checked = checkAlgorithms('it', given)
  expect(checked).toEqual(['EdDSA'])
  expect(checked).not.toBe(given)
  for (const odd of [[], ['none'], ['RS256', 'HS256'], ['HS256', 'RS256'], 'RS256', null, {}]) {
    expect(() => checkAlgorithms('it', odd)).toThrow(said('it to be some of RS256,ES256,EdDSA'))
  }
})
