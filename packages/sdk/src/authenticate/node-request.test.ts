import { describe, expect, test } from 'vitest'
import { fromAny, fromNode } from './node-request.ts'
import { requestWith } from '../testing/requests.ts'
import { bearerToken, sessionCookie } from './presented-token.ts'

describe('a request of Node', () => {
  test('shows its headers as one of the web does', () => {
    const request = fromNode({
      headers: { authorization: 'Bearer one', cookie: '__session=two' },
      rawHeaders: ['Authorization', 'Bearer one', 'Cookie', '__session=two'],
    })
    expect(bearerToken(request)).toEqual({ token: 'one' })
    expect(sessionCookie(request)).toEqual({ token: 'two' })
    expect(bearerToken(fromNode({ headers: {}, rawHeaders: [] }))).toBe('none')
  })

  test('with two Authorization headers, of which Node shows the first, has none that counts', () => {
    const request = fromNode({
      headers: { authorization: 'Bearer one' },
      rawHeaders: ['Authorization', 'Bearer one', 'AUTHORIZATION', 'Bearer two'],
    })
    expect(bearerToken(request)).toBe('malformed')
  })

  test('with several cookie headers, as HTTP/2 may send them, has all their cookies', () => {
    const request = fromNode({
      headers: { cookie: 'a=b; __session=two' },
      rawHeaders: ['cookie', 'a=b', 'cookie', '__session=two'],
    })
    expect(sessionCookie(request)).toEqual({ token: 'two' })
  })

  test('counts by what somebody before the handler put into it', () => {
    const set = { authorization: 'Bearer set' }
    expect(bearerToken(fromNode({ headers: set }))).toEqual({ token: 'set' })
    const rawHeaders = ['authorization', 'Bearer one', 'authorization', 'Bearer two']
    expect(bearerToken(fromNode({ headers: set, rawHeaders }))).toEqual({ token: 'set' })
    expect(bearerToken(fromNode({ headers: {}, rawHeaders }))).toBe('none')
    const several = { authorization: ['Bearer one', 'Bearer two'] }
    expect(bearerToken(fromNode({ headers: several }))).toBe('malformed')
  })
})

test('a request of either kind is told by its headers, whatever they are called', () => {
  const headers = { authorization: 'Bearer one', get: 'Bearer two' }
  expect(bearerToken(fromAny({ headers }))).toEqual({ token: 'one' })
  expect(bearerToken(fromAny(requestWith('Bearer one')))).toEqual({ token: 'one' })
})
