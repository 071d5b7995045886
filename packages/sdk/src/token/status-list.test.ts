import { existsSync, readFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { isCountersignError } from './errors.ts'
import {
  judgeListUri,
  judgeStatusList,
  pathBelow,
  statusAt,
  statusReferenceOf,
} from './status-list.ts'

/** The vectors of the draft, which are read in place and absent in a plain clone. */
const CORPUS = new URL('../../../../../shared/corpora/status-list-vectors.json', import.meta.url)

interface Vectors {
  readonly small: readonly { readonly bits: 1 | 2; readonly bytes: string; readonly lst: string }[]
  readonly vectors: readonly {
    readonly bits: 1 | 2 | 4 | 8
    readonly size: number
    readonly nonZero: Readonly<Record<string, number>>
    readonly lst: string
  }[]
}

const present = existsSync(CORPUS)
const { small, vectors } = present
  ? (JSON.parse(readFileSync(CORPUS, 'utf8')) as Vectors)
  : { small: [], vectors: [] }

describe.skipIf(!present)(`the vectors of the draft in ${CORPUS.pathname}`, () => {
  test('are all there', () => {
    expect(small).toHaveLength(2)
    expect(vectors.map(({ bits, size }) => [bits, size])).toEqual([
      [1, 2 ** 20],
      [2, 2 ** 20],
      [4, 2 ** 20],
    ])
  })

  test.each(small)('the bytes of $bits bits are those of the draft', ({ bytes, lst }) => {
    expect(inflateSync(Buffer.from(lst, 'base64url')).toString('hex')).toBe(bytes)
  })

  test.each(vectors)('of $bits bits every status is found', ({ bits, size, nonZero, lst }) => {
    const bytes = inflateSync(Buffer.from(lst, 'base64url'))
    const found: Record<string, number> = {}
    for (let index = 0; index < size; index++) {
      const status = statusAt(bytes, bits, index)
      if (status !== 0) found[index] = status ?? -1
    }
    const expected = Object.entries(nonZero).filter(([, status]) => status !== 0)
    expect(found).toEqual(Object.fromEntries(expected))
    expect(statusAt(bytes, bits, size)).toBeNull()
  })
})

if (!present) test.skip(`SKIPPED: there is no ${CORPUS.pathname}`)

const codeOf = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return isCountersignError(error) ? error.code : error
  }
}

const ISSUER = 'https://authority.test'
const URI = `${ISSUER}/status-lists/one`

describe('a reference', () => {
  const of = (status: unknown, issuer = ISSUER) =>
    codeOf(() => {
      const reference = statusReferenceOf(status)
      judgeListUri(reference.uri, issuer)
      return reference
    })

  test('leads to a list below its issuer', () => {
    expect(of({ status_list: { idx: 7, uri: URI } })).toEqual({ idx: 7, uri: URI })
    const deep = `${ISSUER}/~a/b.c/-_`
    expect(of({ status_list: { idx: 0, uri: deep } })).toEqual({ idx: 0, uri: deep })
    expect(of({ status_list: { idx: 0, uri: URI } }, `${ISSUER}/`)).toEqual({ idx: 0, uri: URI })
  })

  test.each([
    undefined,
    null,
    1,
    'x',
    [],
    {},
    { status_list: null },
    { status_list: [0, URI] },
    ...[-1, 1.5, '1', null, undefined, NaN, 2 ** 53, [1]].map((idx) => ({
      status_list: { idx, uri: URI },
    })),
  ])('of another shape is refused: %j', (status) => {
    expect(of(status)).toBe('token-claim-invalid')
  })

  test.each([
    undefined,
    1,
    '',
    ISSUER,
    `${ISSUER}/`,
    `${ISSUER}.evil.test/status-lists/one`,
    `${ISSUER}@evil.test/one`,
    `${ISSUER}:8443/one`,
    'http://authority.test/one',
    'https://evil.test/one',
    `${URI}?a=b`,
    `${URI}#a`,
    `${URI}/../../machines`,
    `${ISSUER}/./one`,
    `${ISSUER}//evil.test/one`,
    `${URI}/%2e%2e/x`,
    `${URI}\\x`,
    `${URI} x`,
    `${URI}\n`,
    `${ISSUER}/${'a'.repeat(1_100)}`,
  ])('that leads anywhere else is refused: %j', (uri) => {
    expect(of({ status_list: { idx: 0, uri } })).toBe('token-claim-invalid')
  })

  test('below an issuer with a path stays below that path', () => {
    expect(pathBelow(`${ISSUER}/tenant`, `${ISSUER}/tenant/status-lists/1`)).toBe('/status-lists/1')
    expect(pathBelow(`${ISSUER}/tenant`, `${ISSUER}/tenant2/status-lists/1`)).toBeNull()
  })
})

describe('a list', () => {
  const good = {
    iss: ISSUER,
    sub: URI,
    iat: 1_000,
    exp: 2_000,
    ttl: 15,
    status_list: { bits: 1, lst: 'eNrbuRgAAhcBXQ' },
  }
  const judged = (members: object, nowMs = 1_500_000) =>
    codeOf(() => judgeStatusList({ ...good, ...members }, URI, ISSUER, nowMs, 5))

  test('says when it was made, how long it counts, and what it holds', () => {
    const { iss: _, sub: _sub, status_list: list, ...rest } = good
    expect(judged({})).toEqual({ ...rest, ...list })
    expect(judged({ iss: undefined })).toEqual({ ...rest, ...list })
    expect(judged({ ttl: undefined })).toEqual({ ...rest, ...list, ttl: 300 })
    expect(judged({ exp: undefined })).toMatchObject({ exp: Number.MAX_SAFE_INTEGER })
  })

  test.each([
    [{ iss: 'https://other.test' }, 'token-issuer-mismatch'],
    [{ sub: `${URI}2` }, 'token-subject-invalid'],
    [{ sub: undefined }, 'token-subject-invalid'],
    [{ iat: undefined }, 'token-claim-invalid'],
    [{ iat: 1_506 }, 'token-not-yet-valid'],
    [{ exp: 1_495 }, 'token-expired'],
    [{ exp: '2000' }, 'token-claim-invalid'],
    [{ ttl: 0 }, 'token-claim-invalid'],
    [{ ttl: -1 }, 'token-claim-invalid'],
    [{ ttl: '15' }, 'token-claim-invalid'],
    [{ status_list: undefined }, 'token-claim-invalid'],
    [{ status_list: { bits: 3, lst: '' } }, 'token-claim-invalid'],
    [{ status_list: { bits: '1', lst: '' } }, 'token-claim-invalid'],
    [{ status_list: { bits: 1, lst: 1 } }, 'token-claim-invalid'],
  ])('that says %j is refused', (members, code) => {
    expect(judged(members)).toBe(code)
  })
})
