import { existsSync, readFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { isCountersignError } from './errors.ts'
import { JWT_ALGORITHMS } from './algorithms.ts'
import { judgeHeader } from './jwt-header.ts'
import {
  judgeListUri,
  judgeStatusList,
  pathBelow,
  STATUS_LIST_HEADER,
  STATUS_LIST_MEDIA_TYPE,
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
    `${URI}/..`,
    `${URI}/.`,
    `${ISSUER}/..`,
    `${ISSUER}/../one`,
    `${URI}/`,
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

  test('of 1,024 characters is taken, and none that is longer', () => {
    const longest = `${ISSUER}/`.padEnd(1_024, 'a')
    expect(of({ status_list: { idx: 0, uri: longest } })).toEqual({ idx: 0, uri: longest })
    expect(of({ status_list: { idx: 0, uri: `${longest}a` } })).toBe('token-claim-invalid')
  })

  test('may have segments that only begin with dots', () => {
    for (const path of ['/...', '/..a', '/.a/b', '/a..']) {
      expect(pathBelow(ISSUER, ISSUER + path)).toBe(path)
    }
  })

  test('that is refused says what is wrong with it, and does not quote it', () => {
    const said = (work: () => unknown, message: string): void => {
      expect(work).toThrow(
        expect.objectContaining({ message: `token-claim-invalid: expected ${message}` }),
      )
    }
    const list = { status_list: { idx: 0, uri: 1 } }
    said(() => statusReferenceOf({}), 'status.status_list.idx to be a whole number')
    said(() => statusReferenceOf(list), 'status.status_list.uri to be a text')
    said(() => {
      judgeListUri('https://evil.test/one', ISSUER)
    }, `status.status_list.uri to be below ${ISSUER}`)
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

  test('may have 1, 2, 4 or 8 bits a status', () => {
    for (const bits of [1, 2, 4, 8]) {
      expect(judged({ status_list: { bits, lst: '' } })).toMatchObject({ bits })
    }
    for (const bits of [0, 3, 5, 7, 16, undefined]) {
      expect(judged({ status_list: { bits, lst: '' } })).toBe('token-claim-invalid')
    }
  })

  test.each([
    [{ sub: 'x' }, 'token-subject-invalid: expected sub to be the URI of the list'],
    [{ ttl: 0 }, 'token-claim-invalid: expected ttl to be seconds'],
    [{ status_list: [] }, 'token-claim-invalid: expected status_list.bits to be 1, 2, 4 or 8'],
    [{ status_list: { bits: 1 } }, 'token-claim-invalid: expected status_list.lst to be base64url'],
  ])('that says %j is refused with what should have been there', (members, message) => {
    expect(() => judgeStatusList({ ...good, ...members }, URI, ISSUER, 1_500_000, 5)).toThrow(
      expect.objectContaining({ message }),
    )
  })

  test('is known by its header: its type must be there, and a class tag must not', () => {
    const header = { alg: 'ES256', kid: 'key_1', typ: 'statuslist+jwt' }
    const of = (members: object): unknown =>
      codeOf(() => judgeHeader({ ...header, ...members }, STATUS_LIST_HEADER, JWT_ALGORITHMS).kid)
    expect(of({})).toBe('key_1')
    expect(of({ typ: STATUS_LIST_MEDIA_TYPE })).toBe('key_1')
    for (const members of [{ typ: undefined }, { typ: 'JWT' }, { cat: 'cl_B7d4PD333AAA' }]) {
      expect(of(members)).toBe('token-class-mismatch')
    }
    expect(Object.isFrozen(STATUS_LIST_HEADER)).toBe(true)
  })
})

test('a status is found at its place, of whatever width, and beyond the end there is none', () => {
  const bytes = Uint8Array.of(0b1110_0100, 0x0f)
  const all = (bits: 1 | 2 | 4 | 8, count: number): (number | null)[] =>
    Array.from({ length: count }, (_, index) => statusAt(bytes, bits, index))
  expect(all(1, 17)).toEqual([0, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, null])
  expect(all(2, 9)).toEqual([0, 1, 2, 3, 3, 3, 0, 0, null])
  expect(all(4, 5)).toEqual([4, 14, 15, 0, null])
  expect(all(8, 3)).toEqual([228, 15, null])
})
