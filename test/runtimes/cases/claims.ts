import { constants, createHmac, sign } from 'node:crypto'
import {
  encodeBase64url,
  encodePart,
  GOOD_PAYLOAD,
  RECEIVER,
  SENDER,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../../../packages/sdk/src/testing/tokens.ts'
import type { JsonObject } from '../../../packages/sdk/src/token/json.ts'
import { ALL, ec, ed, headerOf, type Key, type Row, rsa, tokenOf } from './signing.ts'

/** Tokens that are rightly signed, where that can be, and say something else than they should. */

const NOW = TEST_NOW_MS / 1000

export function algorithms(): readonly Row[] {
  const refused = 'token-algorithm-not-allowed'
  const named = (key: Key, alg: unknown, end?: string): string => {
    const token = tokenOf(key, GOOD_PAYLOAD, headerOf(key, { alg }))
    return end === undefined ? token : `${token.slice(0, token.lastIndexOf('.'))}.${end}`
  }
  const mac = (key: Key, secret: string | Buffer): string => {
    const input = `${encodePart(headerOf(key, { alg: 'HS256' }))}.${encodePart(GOOD_PAYLOAD)}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const { privateKey } = rsa
  const pss = (): string => {
    const input = `${encodePart(headerOf(rsa, { alg: 'PS256' }))}.${encodePart(GOOD_PAYLOAD)}`
    const padding = constants.RSA_PKCS1_PSS_PADDING
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, padding })
    return `${input}.${encodeBase64url(signature)}`
  }
  return ALL.flatMap((key): Row[] => [
    [`none, for ${key.kid}`, named(key, 'none', ''), refused],
    [`none with a signature, for ${key.kid}`, named(key, 'none'), refused],
    [`nOnE, for ${key.kid}`, named(key, 'nOnE', ''), refused],
    [
      `HS256 by the PEM of ${key.kid}`,
      mac(key, key.publicKey.export({ type: 'spki', format: 'pem' })),
      refused,
    ],
    [
      `HS256 by the DER of ${key.kid}`,
      mac(key, key.publicKey.export({ type: 'spki', format: 'der' })),
      refused,
    ],
    [`HS256 by the JWK of ${key.kid}`, mac(key, JSON.stringify(key.jwk)), refused],
    ...['RS256', 'ES256', 'EdDSA', 'RS384', 'RS512', 'ES384', 'ES256K', 'Ed448', 'A256GCMKW', '']
      .filter((alg) => alg !== key.alg)
      .map((alg): Row => [`“${alg}” for ${key.kid}`, named(key, alg), refused]),
  ]).concat([
    ['PS256, rightly signed', pss(), refused],
    ['rs256', named(rsa, 'rs256'), refused],
    ['RS256 with a blank', named(rsa, 'RS256 '), refused],
    ['RS256 with a zero', named(rsa, 'RS256\0'), refused],
    ['toString', named(rsa, 'toString'), refused],
    ['__proto__', named(rsa, '__proto__'), refused],
    ['a number', named(rsa, 256), 'token-malformed'],
    ['an array', named(rsa, ['RS256']), 'token-malformed'],
    ['null', named(rsa, null), 'token-malformed'],
    ['not there', named(rsa, undefined), 'token-malformed'],
    ['Ed25519, the full name of EdDSA (RFC 9864 §2.2)', named(ed, 'Ed25519'), 'accepted'],
    ['Ed25519 for ec', named(ec, 'Ed25519'), refused],
  ])
}

export function claims(): readonly Row[] {
  const withClaims = (more: JsonObject): string => tokenOf(ec, { ...GOOD_PAYLOAD, ...more })
  const spelled = (name: string, value: string): string => {
    const rest = JSON.stringify({ ...GOOD_PAYLOAD, [name]: undefined })
    return tokenOf(ec, `${rest.slice(0, -1)},"${name}":${value}}`)
  }
  const wrong = 'token-claim-invalid'
  return [
    ...ALL.flatMap((key): Row[] => [
      [`expired, by ${key.kid}`, tokenOf(key, { ...GOOD_PAYLOAD, exp: NOW - 60 }), 'token-expired'],
      [
        `for another, by ${key.kid}`,
        tokenOf(key, { ...GOOD_PAYLOAD, aud: [SENDER] }),
        'token-audience-mismatch',
      ],
    ]),
    ['exp within the tolerance', withClaims({ exp: NOW - 4 }), 'accepted'],
    ['exp at the end of the tolerance', withClaims({ exp: NOW - 5 }), 'token-expired'],
    ['exp with a fraction', withClaims({ exp: NOW + 0.5 }), 'accepted'],
    ['exp 1e400', spelled('exp', '1e400'), wrong],
    ['exp -1', spelled('exp', '-1'), wrong],
    ['exp as a text', withClaims({ exp: String(NOW + 60) }), wrong],
    ['exp null', withClaims({ exp: null }), wrong],
    ['no exp', withClaims({ exp: undefined }), wrong],
    ['no iat', withClaims({ iat: undefined }), wrong],
    ['no nbf', withClaims({ nbf: undefined }), wrong],
    ['nbf in the future', withClaims({ nbf: NOW + 3_600 }), 'token-not-yet-valid'],
    ['nbf within the tolerance', withClaims({ nbf: NOW + 5 }), 'accepted'],
    ['iat in the future', withClaims({ iat: NOW + 3_600 }), 'token-not-yet-valid'],
    ['another iss', withClaims({ iss: 'https://other.test' }), 'token-issuer-mismatch'],
    ['iss with a slash', withClaims({ iss: `${TEST_ISSUER}/` }), 'token-issuer-mismatch'],
    ['iss in an array', withClaims({ iss: [TEST_ISSUER] }), 'token-issuer-mismatch'],
    ['no iss', withClaims({ iss: undefined }), 'token-issuer-mismatch'],
    ['aud as a text', withClaims({ aud: RECEIVER }), 'accepted'],
    ['aud with others', withClaims({ aud: [SENDER, RECEIVER] }), 'accepted'],
    ['aud without anybody', withClaims({ aud: [] }), 'token-audience-mismatch'],
    ['aud with a number', withClaims({ aud: [RECEIVER, 1] }), wrong],
    ['aud as an object', withClaims({ aud: { 0: RECEIVER } }), wrong],
    ['aud null', withClaims({ aud: null }), wrong],
    ['no aud', withClaims({ aud: undefined }), wrong],
    ['any audience', withClaims({ aud: [SENDER] }), 'accepted', { audience: null }],
    ['any audience, and none', withClaims({ aud: undefined }), 'accepted', { audience: null }],
    ['any audience, and aud a number', withClaims({ aud: 1 }), wrong, { audience: null }],
    ['no jti', withClaims({ jti: undefined }), wrong],
    ['jti empty', withClaims({ jti: '' }), wrong],
    ['jti a number', withClaims({ jti: 1 }), wrong],
    ['sub no machine id', withClaims({ sub: 'mch_1' }), 'token-subject-invalid'],
    ['sub with a zero behind', withClaims({ sub: `${SENDER}\0` }), 'token-subject-invalid'],
    ['a key to prove (RFC 7800)', withClaims({ cnf: { jkt: 'x' } }), wrong],
  ]
}

export function headers(): readonly Row[] {
  const withHeader = (more: JsonObject): string => tokenOf(ec, GOOD_PAYLOAD, headerOf(ec, more))
  const url = 'https://other.test/keys'
  const bad = 'token-malformed'
  const unknown = 'token-key-unknown'
  return [
    ['no kid', withHeader({ kid: undefined }), bad],
    ['kid empty', withHeader({ kid: '' }), bad],
    ['kid a number', withHeader({ kid: 1 }), bad],
    ['kid of 129 characters', withHeader({ kid: 'k'.repeat(129) }), bad],
    ['kid of 128 characters', withHeader({ kid: 'k'.repeat(128) }), unknown],
    ['kid of nobody', withHeader({ kid: 'nobody' }), unknown],
    ['kid of another key', withHeader({ kid: 'ed' }), 'token-algorithm-not-allowed'],
    ['kid in capitals', withHeader({ kid: 'EC' }), unknown],
    ['kid with a zero behind', withHeader({ kid: 'ec\0' }), unknown],
    ['kid that looks alike', withHeader({ kid: '\u0435c' }), unknown],
    ['kid __proto__', withHeader({ kid: '__proto__' }), unknown],
    ['kid constructor', withHeader({ kid: 'constructor' }), unknown],
    ['kid that is a path', withHeader({ kid: '../../dev/null' }), unknown],
    ['crit of what is unknown', withHeader({ crit: ['x'], x: 1 }), bad],
    ['crit of what is known', withHeader({ crit: ['exp'] }), bad],
    ['crit empty', withHeader({ crit: [] }), bad],
    ['b64 false', withHeader({ b64: false }), bad],
    ['b64 false, and crit', withHeader({ b64: false, crit: ['b64'] }), bad],
    ['jku', withHeader({ jku: url }), bad],
    ['jwk', withHeader({ jwk: ec.jwk }), bad],
    ['x5u', withHeader({ x5u: url }), bad],
    ['x5c', withHeader({ x5c: ['AAAA'] }), bad],
    ['zip', withHeader({ zip: 'DEF' }), bad],
    ['enc', withHeader({ enc: 'A256GCM' }), bad],
    ['a member that nobody knows', withHeader({ x: 1 }), 'accepted'],
    ['no typ', withHeader({ typ: undefined }), 'accepted'],
    ['typ jwt', withHeader({ typ: 'jwt' }), 'accepted'],
    ['typ application/JWT', withHeader({ typ: 'application/JWT' }), 'accepted'],
  ]
}

export function classes(): readonly Row[] {
  const typed = (typ: unknown, payload = GOOD_PAYLOAD): string =>
    tokenOf(ec, payload, headerOf(ec, { typ }))
  const user = { ...GOOD_PAYLOAD, sub: 'user_2abcdefghijklmnopqrstuvwxyz' }
  const session = headerOf(ec, { cat: 'cl_B7d4PD111AAA' })
  const other = 'token-class-mismatch'
  return [
    ['a session token', tokenOf(ec, user, session), other],
    ['a session token of a machine', tokenOf(ec, GOOD_PAYLOAD, session), other],
    ['a token of a user', tokenOf(ec, user), other],
    ['a token without a class', tokenOf(ec, GOOD_PAYLOAD, headerOf(ec, { cat: undefined })), other],
    ['a token without a subject', tokenOf(ec, { ...GOOD_PAYLOAD, sub: undefined }), other],
    ['at+jwt', typed('at+jwt'), other],
    ['application/at+jwt', typed('application/at+jwt'), other],
    ['AT+JWT of a user', typed('AT+JWT', user), other],
    ['statuslist+jwt', typed('statuslist+jwt'), other],
    ['dpop+jwt', typed('dpop+jwt'), other],
    ['logout+jwt', typed('logout+jwt'), other],
    ['JOSE', typed('JOSE'), other],
    ['typ a number', typed(1), other],
    ['typ with a dotless i-like letter', typed('JWT\u0130'), other],
    ['typ with blanks', typed(' JWT'), other],
    ['an opaque token', 'mt_0000000000', 'token-malformed'],
    ['an API key', 'ak_0000000000', 'token-malformed'],
    ['nothing', '', 'token-malformed'],
  ]
}
