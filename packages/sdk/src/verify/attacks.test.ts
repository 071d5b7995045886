import { constants, createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { json, scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  createTestKey,
  encodeBase64url,
  encodePart,
  GOOD_PAYLOAD,
  headerOf,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
  type TestKey,
} from '../testing/tokens.ts'
import { isCountersignError } from '../token/errors.ts'
import type { JsonObject } from '../token/json.ts'
import { createVerifier, type VerifierOptions } from './verifier.ts'

/** What worked on other libraries. A verdict other than a code of ours is a defect as well. */

const [rsa, ec, ed] = await Promise.all([
  createTestKey('RS256', 'rsa'),
  createTestKey('ES256', 'ec'),
  createTestKey('EdDSA', 'ed'),
])
const ALL: readonly TestKey[] = [rsa, ec, ed]
const jwks = { keys: ALL.map(({ publicJwk }) => publicJwk) }

const BASE: VerifierOptions = {
  issuer: TEST_ISSUER,
  audience: RECEIVER,
  jwks,
  clock: () => TEST_NOW_MS,
}

const verdict = async (token: string, options: Partial<VerifierOptions> = {}): Promise<string> => {
  try {
    await createVerifier({ ...BASE, ...options }).verify(token)
    return 'accepted'
  } catch (error) {
    return isCountersignError(error) ? error.code : `thrown: ${String(error)}`
  }
}

const textOf = (part: JsonObject): string => JSON.stringify(part)
const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

/** Signs two parts as they are spelled. */
const signParts = async (key: TestKey, header: string, payload: string): Promise<string> =>
  `${header}.${payload}.${encodeBase64url(await key.sign(bytes(`${header}.${payload}`)))}`

const HEADER = textOf(headerOf(ec))
const PAYLOAD = textOf(GOOD_PAYLOAD)

test('alg none in every spelling, with every kind of signature (CVE-2015-9235, CVE-2022-23540)', async () => {
  const good = await signToken(rsa)
  for (let mask = 0; mask < 16; mask++) {
    const alg = [...'none'].map((one, at) => ((mask >> at) & 1 ? one.toUpperCase() : one)).join('')
    for (const key of ALL) {
      const input = `${encodePart({ ...headerOf(key), alg })}.${encodePart(GOOD_PAYLOAD)}`
      for (const signature of ['', 'AA', good.slice(good.lastIndexOf('.') + 1)]) {
        expect(await verdict(`${input}.${signature}`)).toBe('token-algorithm-not-allowed')
      }
    }
  }
})

/** Whatever somebody might take a published key for when it is handed over as a secret. */
const encodingsOf = ({ alg, publicJwk }: TestKey): (string | Buffer)[] => {
  const { kid: _kid, alg: _alg, use: _use, ...members } = publicJwk
  const key = createPublicKey({ key: members as Record<string, string>, format: 'jwk' })
  const types: readonly ('spki' | 'pkcs1')[] = alg === 'RS256' ? ['spki', 'pkcs1'] : ['spki']
  const pems = types.map((type) => key.export({ type, format: 'pem' }).toString())
  return [
    ...types.map((type) => Buffer.from(key.export({ type, format: 'der' }))),
    ...pems.flatMap((pem) => [pem, pem.trim(), pem.replaceAll('\n', '')]),
    ...pems.flatMap((pem) => [` ${pem}`, `\n${pem}`, `x${pem}`]),
    ...[publicJwk, members, jwks].flatMap((one) => [textOf(one), JSON.stringify(one, null, 2)]),
  ]
}

test('HMAC by the public key in every encoding and with anything before it (CVE-2023-48223, CVE-2026-34950)', async () => {
  for (const key of ALL) {
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      const input = `${encodePart({ ...headerOf(key), alg })}.${encodePart(GOOD_PAYLOAD)}`
      for (const secret of encodingsOf(key)) {
        const mac = createHmac(alg.replace('HS', 'sha'), secret).update(input).digest('base64url')
        expect(await verdict(`${input}.${mac}`)).toBe('token-algorithm-not-allowed')
      }
    }
  }
})

test('a signature of PSS, of another hash, or in DER, under whichever name', async () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys = [
    { ...pair.publicKey.export({ format: 'jwk' }), kid: 'r' },
    { ...curve.publicKey.export({ format: 'jwk' }), kid: 'e' },
  ]
  const forms = [
    ['r', 'RS256', 'sha256', { key: pair.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING }],
    ['r', 'RS256', 'sha512', pair.privateKey],
    ['r', 'RS256', 'sha1', pair.privateKey],
    ['e', 'ES256', 'sha256', { key: curve.privateKey, dsaEncoding: 'der' }],
    ['e', 'ES256', 'sha512', { key: curve.privateKey, dsaEncoding: 'ieee-p1363' }],
  ] as const
  for (const [kid, alg, hash, privateKey] of forms) {
    for (const name of [alg, 'PS256', 'RS512', 'ES512']) {
      const header = { alg: name, typ: 'JWT', kid, cat: 'cl_B7d4PD333AAA' }
      const input = `${encodePart(header)}.${encodePart(GOOD_PAYLOAD)}`
      const token = `${input}.${encodeBase64url(sign(hash, bytes(input), privateKey))}`
      expect(await verdict(token, { jwks: { keys } })).toBe(
        name === alg ? 'token-signature-invalid' : 'token-algorithm-not-allowed',
      )
    }
  }
})

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
      ` ${token}`,
      `${token}.`,
      token.slice(0, -1) + String.fromCharCode(last + 1),
      token.replace(/\.(?=[^.]*$)/, '. '),
    ]) {
      expect(await verdict(text)).toBe('token-malformed')
    }
  })
})

describe('rightly signed, with times that some libraries take', () => {
  test.each([
    ['exp', '1e400', 'token-claim-invalid'],
    ['exp', '-1', 'token-claim-invalid'],
    ['exp', '"9999999999"', 'token-claim-invalid'],
    ['exp', 'null', 'token-claim-invalid'],
    ['exp', '1e16', 'token-claim-invalid'],
    ['exp', `[${TEST_NOW_MS}]`, 'token-claim-invalid'],
    ['exp', `${TEST_NOW_MS / 1000 - 6}`, 'token-expired'],
    ['iat', `${TEST_NOW_MS / 1000 + 3600}`, 'token-not-yet-valid'],
    ['nbf', `${TEST_NOW_MS / 1000 + 3600}.5`, 'token-not-yet-valid'],
  ])('%s %s', async (name, value, code) => {
    const { [name]: _, ...rest } = GOOD_PAYLOAD
    const payload = `${textOf(rest).slice(0, -1)},"${name}":${value}}`
    expect(await verdict(await signToken(ec, payload))).toBe(code)
  })

  test.each(['exp', 'iat', 'nbf'])('no %s', async (name) => {
    const { [name]: _, ...rest } = GOOD_PAYLOAD
    expect(await verdict(await signToken(ec, rest))).toBe('token-claim-invalid')
  })

  test('exp with a fraction is a time like any other', async () => {
    const payload = { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 0.5 }
    expect(await verdict(await signToken(ec, payload))).toBe('accepted')
  })
})

test('a kid is a name and nothing else: no path, no query, no property (Centrifugo #1142)', async () => {
  const server = scriptedFetch(json(jwks))
  const { jwks: _, ...remote } = BASE
  const verifier = createVerifier({ ...remote, fetch: server.fetch })
  for (const kid of [
    '../../../dev/null',
    'https://attacker.test/keys',
    "x' UNION SELECT 'key",
    'ec\u0000',
    ' ec',
    'EC',
    '\u0435c',
    '__proto__',
    'constructor',
    'hasOwnProperty',
  ]) {
    const token = await signToken(ec, GOOD_PAYLOAD, { ...headerOf(ec), kid })
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token-key-unknown' })
  }
  expect(new Set(server.sent.map(({ url }) => url)).size).toBe(1)
})

test('two issuers with keys of one kid never verify each other’s tokens (Clerk #9394)', async () => {
  const theirs = await createTestKey('ES256', 'ec')
  const issuers = [
    [TEST_ISSUER, ec],
    ['https://other.test', theirs],
  ] as const
  const { fetch } = scriptedFetch(({ url }) => {
    const [, key] = issuers.find(([issuer]) => url.startsWith(issuer)) ?? [null, ec]
    return json({ keys: [key.publicJwk] })({ url, method: 'GET', headers: {}, body: undefined })
  })
  const verifiers = issuers.map(([issuer]) => {
    const { jwks: _, ...remote } = BASE
    return createVerifier({ ...remote, issuer, fetch })
  })
  for (const round of [1, 2]) {
    for (const [at, verifier] of verifiers.entries()) {
      for (const [of, key] of [ec, theirs].entries()) {
        const iss = issuers[at]?.[0]
        const token = await signToken(key, { ...GOOD_PAYLOAD, iss })
        const accepted = await verifier.verify(token).then(
          () => true,
          () => false,
        )
        expect(accepted, `round ${round}: verifier ${at}, key ${of}`).toBe(at === of)
      }
    }
  }
})

test('what a verifier remembers changes no verdict, whatever the clock does (fast-jwt GHSA-rp9m-7r4c-75qg)', async () => {
  const good = await signToken(ec)
  const [head = '', , signature = ''] = good.split('.')
  const tokens = [
    good,
    await signToken(ec, { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 5 }),
    await signToken(ec, { ...GOOD_PAYLOAD, aud: [SENDER] }),
    await signToken(rsa),
    `${head}.${encodePart({ ...GOOD_PAYLOAD, exp: 9_999_999_999 })}.${signature}`,
    await signToken(ec, GOOD_PAYLOAD, { ...headerOf(ec), kid: 'ed' }),
  ]
  const step = fc.tuple(fc.nat(tokens.length - 1), fc.integer({ min: -120, max: 120 }))
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      let now = TEST_NOW_MS
      const clock = (): number => now
      const old = createVerifier({ ...BASE, clock })
      for (const [at, seconds] of steps) {
        now = TEST_NOW_MS + seconds * 1000
        const token = tokens[at] ?? ''
        const [first, second] = await Promise.allSettled([
          old.verify(token),
          createVerifier({ ...BASE, clock }).verify(token),
        ])
        expect(first).toEqual(second)
      }
    }),
    { numRuns: 50 },
  )
})

describe('what fails never lets anybody in (next-auth GHSA-8fpg-xm3f-6cx3)', () => {
  test.each<[string, Partial<VerifierOptions>]>([
    [
      'a clock that throws',
      {
        clock: () => {
          throw new Error('no time')
        },
      },
    ],
    ['a clock that knows no time', { clock: () => Number.NaN }],
    ['a clock that says nothing', { clock: () => undefined as unknown as number }],
  ])('%s', async (_, options) => {
    expect(await verdict(await signToken(ec), options)).not.toBe('accepted')
  })

  test.each<[string, () => Promise<Response>]>([
    ['throws', () => Promise.reject(new Error('down'))],
    [
      'throws at once',
      () => {
        throw new Error('down')
      },
    ],
    ['answers nothing', async () => undefined as unknown as Response],
    ['answers no response', async () => ({ status: 200 }) as Response],
    ['gives no promise', () => 1 as unknown as Promise<Response>],
  ])('a fetch that %s', async (_, fetch) => {
    const { jwks: _jwks, ...remote } = BASE
    const verifier = createVerifier({ ...remote, fetch })
    await expect(verifier.verify(await signToken(ec))).rejects.toMatchObject({
      code: 'keys-unavailable',
    })
  })
})
