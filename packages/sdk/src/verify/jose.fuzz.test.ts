import process from 'node:process'
import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import {
  createTestKey,
  encodeBase64url,
  encodePart,
  GOOD_PAYLOAD,
  headerOf,
  RECEIVER,
  SENDER,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../testing/tokens.ts'
import { type CountersignError, isCountersignError } from '../token/errors.ts'
import type { Engine } from './engine/engine.ts'
import { engine as node } from './engine/node.ts'
import { engine as web } from './engine/web.ts'
import { createVerifierOn } from './verifier.ts'

/**
 * Against jose, which thousands rely on: no token that we accept is refused by it, each that only we
 * refuse is refused for a reason that is written below, and our two engines always say the same.
 */

/** Kept: what was found by one of them once is found again. */
const SEEDS = [1, 7, 20_261_123, -559_038_737, 1_234_567_890]

const RUNS = process.env['COUNTERSIGN_SLOW'] === '1' ? 4_000 : 300

const [rsa, ec, ed, stranger] = await Promise.all([
  createTestKey('RS256', 'rsa'),
  createTestKey('ES256', 'ec'),
  createTestKey('EdDSA', 'ed'),
  createTestKey('ES256', 'ec'),
])
const KEYS = [rsa, ec, ed]
const JWKS = { keys: KEYS.map(({ publicJwk }) => publicJwk) }

/** Without `alg`: jose takes a key that is called EdDSA for no token that is called Ed25519 (RFC 9864). */
const JOSE_JWKS = createLocalJWKSet({
  keys: KEYS.map(({ publicJwk: { alg: _, ...jwk } }) => jwk),
})

/** Why we refuse what jose accepts, by code and by what was expected. */
const STRICTER: readonly (readonly [code: string, expected: RegExp, because: string])[] = [
  [
    'token-class-mismatch',
    /./,
    'jose is told of no class: `typ`, `cat` and `sub` are the caller’s',
  ],
  [
    'token-malformed',
    /base64url/,
    'jose forgives padding, white space beyond ASCII too, stray bits, the other alphabet',
  ],
  ['token-malformed', /strict JSON/, 'jose takes a member twice, a byte order mark, any depth'],
  ['token-malformed', /^no (jku|jwk|x5u|x5c|b64|zip|enc)$/, 'jose ignores them; RFC 8725 §3.10'],
  [
    'token-malformed',
    /^no crit$/,
    'jose understands b64, and takes it as critical where it is true',
  ],
  ['token-malformed', /kid/, 'jose takes the only key that fits where none is named'],
  ['token-malformed', /shorter/, 'jose has no bound'],
  ['token-claim-invalid', /^(exp|nbf|iat) /, 'jose asks for none of them, and takes 1e400'],
  ['token-claim-invalid', /^(jti|cnf|aud) /, 'jose asks for no id, and knows no bound tokens'],
  ['token-not-yet-valid', /./, 'jose does not compare `iat` with the clock'],
  ['token-subject-invalid', /./, 'jose does not know our ids'],
  ['status-unavailable', /./, 'jose knows no status lists'],
  ['token-claim-invalid', /^status\./, 'nor what leads to one'],
]

const judge = (engine: Engine, token: string): Promise<CountersignError | null> =>
  createVerifierOn(engine, {
    issuer: TEST_ISSUER,
    audience: RECEIVER,
    jwks: JWKS,
    clock: () => TEST_NOW_MS,
  })
    .verify(token)
    .then(
      () => null,
      (error: unknown) => {
        if (isCountersignError(error)) return error
        throw error
      },
    )

const isTakenByJose = (token: string): Promise<boolean> =>
  jwtVerify(token, JOSE_JWKS, {
    issuer: TEST_ISSUER,
    audience: RECEIVER,
    algorithms: ['RS256', 'ES256', 'EdDSA', 'Ed25519'],
    currentDate: new Date(TEST_NOW_MS),
    clockTolerance: 5,
  }).then(
    () => true,
    () => false,
  )

const now = TEST_NOW_MS / 1000
const odd = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, '', 0, 1, -1, true, [], {}, '\u0000', 1e21),
  fc.jsonValue({ maxDepth: 2 }),
)
const time = fc.oneof(
  fc.integer({ min: now - 10, max: now + 10 }),
  fc.double({ min: now - 6, max: now + 6, noNaN: true }),
  odd,
)

const headerChange = fc.oneof(
  fc.record({
    alg: fc.constantFrom<unknown>(
      'RS256',
      'ES256',
      'EdDSA',
      'Ed25519',
      'none',
      'HS256',
      'PS256',
      'es256',
    ),
  }),
  fc.record({
    kid: fc.constantFrom<unknown>('rsa', 'ec', 'ed', 'x', '', undefined, 1, '__proto__'),
  }),
  fc.record({
    typ: fc.constantFrom<unknown>('JWT', 'jwt', 'application/jwt', 'at+jwt', undefined, 1),
  }),
  fc.record({ cat: fc.constantFrom<unknown>('cl_B7d4PD333AAA', 'cl_B7d4PD111AAA', undefined) }),
  fc.record({ crit: fc.constantFrom<unknown>([], ['b64'], ['exp'], 'b64'), b64: fc.boolean() }),
  fc
    .constantFrom('jku', 'jwk', 'x5u', 'x5c', 'zip', 'enc', 'cty', 'x', 'b64', 'p2c')
    .chain((name) => odd.map((value) => ({ [name]: value }))),
)
const payloadChange = fc.oneof(
  fc.constantFrom('exp', 'nbf', 'iat').chain((name) => time.map((value) => ({ [name]: value }))),
  fc.record({
    iss: fc.constantFrom<unknown>(TEST_ISSUER, `${TEST_ISSUER}/`, undefined, [TEST_ISSUER]),
  }),
  fc.record({
    aud: fc.constantFrom<unknown>(RECEIVER, [RECEIVER], [SENDER, RECEIVER], [], SENDER, 1, [
      [RECEIVER],
    ]),
  }),
  fc.record({ sub: fc.constantFrom<unknown>(SENDER, 'user_1', 'mch_x', undefined) }),
  fc
    .constantFrom('jti', 'cnf', 'status', 'scopes', 'act', 'constructor', 'note')
    .chain((name) => odd.map((value) => ({ [name]: value }))),
)

/** How an object becomes text: as everybody does it, or in a way of its own. */
const spelling = fc.constantFrom<(text: string) => string>(
  ...Array.from({ length: 12 }, () => (text: string) => text),
  (text) => ` ${text}\n`,
  (text) => text.replaceAll(':', ' : '),
  (text) => text.replaceAll('"exp"', '"\\u0065xp"'),
  (text) => `${text.slice(0, -1)},"exp":9999999999}`,
  (text) => `${text.slice(0, -1)},"alg":"ES256"}`,
  (text) => `${text.slice(0, -1)},"__proto__":{"a":1}}`,
  (text) => `${text.slice(0, -1)},"deep":${'['.repeat(40)}${']'.repeat(40)}}`,
  (text) =>
    `${text.slice(0, -1)},"many":{${Array.from({ length: 260 }, (_, at) => `"${at}":1`).join(',')}}}`,
  (text) => `${text.slice(0, -1)},"big":1e400}`,
  (text) => `${text.slice(0, -1)},"text":"\\ud800 é 😀 \\""}`,
  (text) => `\ufeff${text}`,
  (text) => `[${text}]`,
  (text) => text.slice(0, -1),
)

/** What is done to a part or to a token after it was signed, or before. */
const scribble = (text: string, at: number, character: string): string => {
  const position = text.length === 0 ? 0 : at % text.length
  return text.slice(0, position) + character + text.slice(position + 1)
}
const marks = fc.constantFrom('A', 'B', '_', '-', '+', '/', '=', '.', ' ', '\n', 'é', '\u0141', '')
const touch = fc.oneof(
  { weight: 12, arbitrary: fc.constant((text: string) => text) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(2_000), marks).map(
      ([at, mark]) =>
        (text: string) =>
          scribble(text, at, mark),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<(text: string) => string>(
      (text) => `${text}=`,
      (text) => `${text}==`,
      (text) => `${text}\n`,
      (text) => ` ${text}`,
      (text) => text.slice(0, -1),
      (text) => `${text}A`,
      (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
    ),
  },
)

/** Most often nothing, so that what is changed elsewhere is seen. */
const seldom = <Change>(change: fc.Arbitrary<Change>): fc.Arbitrary<Change[]> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant<Change[]>([]) }, fc.array(change, { maxLength: 2 }))

const tokens = fc
  .record({
    key: fc.constantFrom(rsa, ec, ed, stranger),
    header: seldom(headerChange),
    payload: seldom(payloadChange),
    spellHeader: spelling,
    spellPayload: spelling,
    before: touch,
    signature: fc.constantFrom<(bytes: Uint8Array) => Uint8Array>(
      ...Array.from({ length: 12 }, () => (bytes: Uint8Array) => bytes),
      (bytes) => bytes.subarray(1),
      (bytes) => Uint8Array.of(...bytes, 0),
      (bytes) => new Uint8Array(bytes.length),
      () => new Uint8Array(0),
      (bytes) => bytes.toReversed(),
    ),
    after: touch,
  })
  .map(async (parts) => {
    const { key } = parts
    const header = Object.assign({}, headerOf(key), ...parts.header) as object
    const payload = Object.assign({}, GOOD_PAYLOAD, ...parts.payload) as object
    const input = [
      encodePart(parts.spellHeader(JSON.stringify(header))),
      parts.before(encodePart(parts.spellPayload(JSON.stringify(payload)))),
    ].join('.')
    const signature = parts.signature(await key.sign(new TextEncoder().encode(input)))
    return parts.after(`${input}.${encodeBase64url(signature)}`)
  })

test.each([...SEEDS, null])('seed %j', async (seed) => {
  const counts = { both: 0, neither: 0, stricter: 0 }
  await fc.assert(
    fc.asyncProperty(tokens, async (made) => {
      const token = await made
      const [ours, onTheWeb, isTheirs] = await Promise.all([
        judge(node, token),
        judge(web, token),
        isTakenByJose(token),
      ])
      expect(onTheWeb?.code, 'the engines agree').toBe(ours?.code)
      if (ours === null) {
        expect(isTheirs, 'what we accept jose accepts').toBe(true)
        counts.both++
      } else if (isTheirs) {
        const { code, expected = '' } = ours
        const isExplained = STRICTER.some(([one, text]) => one === code && text.test(expected))
        expect(isExplained, `${code}, expected ${expected}`).toBe(true)
        counts.stricter++
      } else counts.neither++
    }),
    { numRuns: RUNS, ...(seed !== null && { seed }) },
  )
  // It found its way to all three.
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0)
})
