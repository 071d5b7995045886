import { describe, expect, test } from 'vitest'
import { RECEIVER, SENDER, testId } from '../testing/tokens.ts'
import type { JsonObject } from '../token/json.ts'
import {
  toApiKey,
  toDeleted,
  toJwkSet,
  toList,
  toM2MToken,
  toMachine,
  toMachineScope,
  toMachineSecretKey,
  toMachineSecretVersion,
  toSecret,
  toSigningKey,
  toSigningKeyRevocation,
} from './wire.ts'

/** What a member may be besides what stands in the good object, and whether it may be left out. */
interface Rule {
  readonly nullable?: true
  readonly optional?: true
  /** An empty text says nothing, but is one. */
  readonly mayBeEmpty?: true
  /** Any JSON at all. */
  readonly any?: true
}

interface Kind {
  readonly read: (body: JsonObject) => unknown
  readonly good: JsonObject
  readonly rules?: Readonly<Record<string, Rule>>
}

const inner = {
  object: 'machine',
  id: SENDER,
  name: 'w',
  instance_id: 'ins_1',
  created_at: 1,
  updated_at: 2,
  default_token_ttl: 60,
}

const secretVersion = {
  object: 'machine_secret_version',
  machine_id: SENDER,
  version: 2,
  live: true,
  created_at: 1,
  expires_at: 3,
  last_used_at: 2,
  use_count: 1,
  callers: [],
}

const signingKey = {
  object: 'signing_key',
  kid: 'key_1',
  algorithm: 'ES256',
  state: 'revoked',
  created_at: 1,
  active_from: 2,
  retires_at: 3,
  published_until: 4,
  revoked_at: 4,
  revocation_reason: 'stolen',
}

const signingKeyRules = {
  active_from: { nullable: true },
  retires_at: { nullable: true },
  published_until: { nullable: true },
  revoked_at: { nullable: true },
  revocation_reason: { nullable: true, mayBeEmpty: true },
} as const

const revocation = { object: 'signing_key_revocation', key_set_max_age: 300 }

const KINDS: Readonly<Record<string, Kind>> = {
  machine: {
    read: toMachine,
    good: { ...inner, id: RECEIVER, scoped_machines: [inner], secret_key: 'ak_1' },
    rules: { secret_key: { optional: true }, default_token_ttl: { optional: true } },
  },
  'version of a secret key': {
    read: toMachineSecretVersion,
    good: secretVersion,
    rules: { expires_at: { nullable: true }, last_used_at: { nullable: true } },
  },
  'caller of a secret key': {
    read: (body) => toMachineSecretVersion({ ...secretVersion, callers: [body] }),
    good: { address: '192.0.2.1', last_used_at: 2 },
  },
  'signing key': { read: toSigningKey, good: signingKey, rules: signingKeyRules },
  'signing key that was revoked': {
    read: (body) => toSigningKeyRevocation({ ...revocation, revoked: body, signer: signingKey }),
    good: signingKey,
    rules: signingKeyRules,
  },
  'signing key revocation': {
    read: (body) => toSigningKeyRevocation({ ...body, revoked: signingKey, signer: signingKey }),
    good: revocation,
  },
  'machine within a machine': {
    read: (body) => toMachine({ ...inner, scoped_machines: [body] }),
    good: inner,
    rules: { default_token_ttl: { optional: true } },
  },
  'machine scope': {
    read: toMachineScope,
    good: {
      object: 'machine_scope',
      from_machine_id: RECEIVER,
      to_machine_id: SENDER,
      created_at: 1,
    },
  },
  'machine secret key': {
    read: toMachineSecretKey,
    good: { object: 'machine_secret_key', secret: 'ak_1' },
  },
  'machine token': {
    read: toM2MToken,
    good: {
      object: 'machine_to_machine_token',
      id: testId('m2mToken', 3),
      subject: SENDER,
      scopes: [RECEIVER],
      claims: { a: 1 },
      revoked: false,
      revocation_reason: 'r',
      expired: false,
      expiration: 1,
      created_at: 1,
      updated_at: 2,
      token: 'mt_1',
    },
    rules: {
      scopes: { optional: true },
      claims: { any: true },
      revocation_reason: { nullable: true, mayBeEmpty: true },
      expiration: { nullable: true },
      token: { optional: true },
    },
  },
  'API key': {
    read: toApiKey,
    good: {
      object: 'api_key',
      id: testId('apiKey', 4),
      type: 'api_key',
      subject: 'user_1',
      name: 'key',
      description: 'd',
      claims: { a: 1 },
      scopes: ['a'],
      revoked: false,
      revocation_reason: 'r',
      expired: false,
      expiration: 1,
      created_by: 'user_1',
      last_used_at: 1,
      created_at: 1,
      updated_at: 2,
      secret: 'ak_1',
    },
    rules: {
      description: { nullable: true, optional: true, mayBeEmpty: true },
      claims: { any: true },
      revocation_reason: { nullable: true, mayBeEmpty: true },
      expiration: { nullable: true },
      created_by: { nullable: true },
      last_used_at: { nullable: true },
      secret: { optional: true },
    },
  },
  'deleted machine': {
    read: toDeleted('machine'),
    good: { object: 'machine', id: RECEIVER, deleted: true },
  },
  secret: { read: toSecret, good: { secret: 'ak_1' } },
  'key set': { read: toJwkSet, good: { keys: [{ kty: 'RSA' }] } },
  list: {
    read: toList('data', toMachineSecretKey),
    good: { data: [{ object: 'machine_secret_key', secret: 'a' }], total_count: 1 },
  },
  'list of machine tokens': {
    read: toList('m2m_tokens', toMachineSecretKey),
    good: { m2m_tokens: [{ object: 'machine_secret_key', secret: 'a' }], total_count: 1 },
  },
}

const SAMPLES: readonly unknown[] = [
  undefined,
  null,
  '',
  'text',
  '1',
  0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  false,
  {},
  { length: 1, 0: 'a' },
  [null],
  [1],
  [['a']],
]

const typeOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value)

/** Whether a sample may stand where `good` stands. */
function isAllowed(sample: unknown, good: unknown, rule: Rule): boolean {
  if (rule.any === true) return true
  if (sample === undefined) return rule.optional === true
  if (sample === null) return rule.nullable === true
  if (typeOf(sample) !== typeOf(good) || typeOf(good) === 'array') return false
  if (sample === '') return rule.mayBeEmpty === true
  return typeof sample !== 'number' || Number.isFinite(sample)
}

describe.each(Object.entries(KINDS))('a %s', (_, { read, good, rules = {} }) => {
  test('is read, whatever else stands in it', () => {
    const plain = read(good)
    expect(read({ ...good, later: { a: 1 }, __proto: 1, constructor: null })).toEqual(plain)
  })

  test.each(Object.keys(good))('of which %s is of another type is refused', (name) => {
    for (const sample of SAMPLES) {
      const body = { ...good, [name]: sample }
      // `object` and `deleted` are one word each, which no sample is but `true`.
      const isWord = name === 'object' || name === 'deleted'
      const allowed = isWord
        ? sample === good[name]
        : isAllowed(sample, good[name], rules[name] ?? {})
      const refusal = (() => {
        try {
          read(body)
          return null
        } catch (error) {
          return (error as { code?: string }).code ?? String(error)
        }
      })()
      expect(refusal, JSON.stringify(sample)).toBe(allowed ? null : 'answer-unexpected')
    }
  })
})

test('of the key of another kind of list nothing is read', () => {
  expect(() => toList('data', toSecret)({ m2m_tokens: [], total_count: 0 })).toThrow('data')
  expect(() => toList('m2m_tokens', toSecret)({ data: [], total_count: 0 })).toThrow('m2m_tokens')
})
