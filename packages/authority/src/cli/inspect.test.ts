import { formatCredential, idBytes } from 'countersign/token'
import { describe, expect, it } from 'vitest'
import { inspect } from './inspect.ts'

const AT = Date.UTC(2026, 0, 2, 3, 4, 5)

const token = formatCredential(
  {
    kind: 'm2m-token',
    prefix: 'mt_',
    keyVersion: 1,
    idBytes: idBytes('m2mToken', AT, new Uint8Array(16).fill(5)),
    secret: new Uint8Array(24).fill(9),
  },
  () => new Uint8Array(8).fill(3),
)

function jwt(header: unknown, payload: unknown): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part(payload)}.c2ln`
}

describe('inspect', () => {
  it('tells the class, the id and the age of an opaque token, and nothing of its secret', () => {
    const inspection = inspect(token)
    expect(inspection).toMatchObject({
      class: 'm2m-token',
      form: 'opaque',
      checksumRight: true,
      times: { created: AT },
      verifiable: true,
    })
    expect(inspection.ids['token']).toMatch(/^mt_[0-9a-f]{32}$/)
    expect(JSON.stringify(inspection)).not.toContain(token.slice(40))
  })

  it('tells that a token was mistyped', () => {
    const last = token.endsWith('a') ? 'b' : 'a'
    const inspection = inspect(token.slice(0, -1) + last)
    expect(inspection).toMatchObject({
      class: 'm2m-token',
      checksumRight: false,
      verifiable: false,
    })
  })

  it('tells the id of a token from a token', () => {
    const { ids } = inspect(token)
    expect(inspect(ids['token'] ?? '').about).toBe('the id of a machine token')
  })

  it('reads the header, the payload and the times of a JWT', () => {
    const header = { alg: 'RS256', cat: 'cl_B7d4PD333AAA' }
    const payload = { iss: 'https://a', sub: 'mch_1', jti: 'mt_1', iat: 10, exp: 70 }
    expect(inspect(jwt(header, payload))).toMatchObject({
      class: 'm2m-jwt',
      header,
      payload,
      ids: { token: 'mt_1', machine: 'mch_1', issuer: 'https://a' },
      times: { issued: 10_000, expires: 70_000 },
    })
  })

  it('does not take another JWT for a machine token', () => {
    expect(inspect(jwt({ alg: 'RS256' }, { sub: 'user_1' }))).toMatchObject({
      class: 'jwt',
      verifiable: false,
    })
  })

  it.each([
    ['', 'unknown'],
    ['hello', 'unknown'],
    ['a.b.c', 'unknown'],
    [jwt([], {}), 'unknown'],
    [jwt({}, 'text'), 'unknown'],
    ['sk_test_short', 'instance-secret'],
    ['ak_short', 'api-key'],
  ])('survives %s', (text, kind) => {
    expect(inspect(text).class).toBe(kind)
  })

  it('survives times and claims of the wrong types', () => {
    const payload = { iat: 'now', exp: 1e300, nbf: null, sub: 7, jti: {} }
    expect(inspect(jwt({ alg: 'none', cat: 'cl_B7d4PD333AAA' }, payload))).toMatchObject({
      ids: {},
      times: {},
      remarks: ['alg is none: nothing protects this token.'],
    })
  })
})
