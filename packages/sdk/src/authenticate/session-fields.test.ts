import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../token/json.ts'
import { sessionFields } from './session-fields.ts'

const permissionsOf = (claims: JsonObject): string[] | null =>
  sessionFields({ sub: 'user_1', v: 2, ...claims }).orgPermissions

const ODD = [null, 0, 1, true, '', [], [1], {}, { a: 1 }]

test('a token that says no more than its subject has every other field null', () => {
  expect(sessionFields({ sub: 'user_1' })).toEqual({
    sessionId: null,
    sessionStatus: null,
    userId: 'user_1',
    actor: null,
    orgId: null,
    orgRole: null,
    orgSlug: null,
    orgPermissions: null,
    factorVerificationAge: null,
  })
})

describe('the first version', () => {
  test('names the organization in members of their own', () => {
    const claims = { org_id: 'org_1', org_role: 'org:admin', org_slug: 'acme' }
    expect(sessionFields({ sub: 'user_1', ...claims, org_permissions: ['org:a:b'] })).toMatchObject(
      { orgId: 'org_1', orgRole: 'org:admin', orgSlug: 'acme', orgPermissions: ['org:a:b'] },
    )
  })

  test('does not read the members of the second', () => {
    const claims = { o: { id: 'org_1', rol: 'admin', per: 'read', fpm: '1' }, fea: 'o:a' }
    for (const v of [undefined, 1, '2', 2.5, [2]]) {
      expect(
        sessionFields({ sub: 'user_1', ...(v !== undefined && { v }), ...claims }),
      ).toMatchObject({ orgId: null, orgRole: null, orgPermissions: null })
    }
  })

  test('has only permissions that are texts', () => {
    const claims = { sub: 'user_1', org_permissions: ['org:a:b', 1, null, ['org:a:c']] }
    expect(sessionFields(claims).orgPermissions).toEqual(['org:a:b'])
  })
})

describe('the second version', () => {
  test('gives each feature of the organization the permissions of its bits', () => {
    expect(
      permissionsOf({
        o: { id: 'org_1', rol: 'admin', slg: 'acme', per: 'read,write,manage', fpm: '5,2' },
        fea: 'o:billing,u:theme,uo:reports',
      }),
    ).toEqual(['org:billing:read', 'org:billing:manage', 'org:reports:write'])
  })

  test('gives no permission for a feature of the user, or of a scope that is not known', () => {
    const o = { id: 'org_1', per: 'read', fpm: '1,1,1' }
    for (const fea of ['u:a', 'foo:a', 'org:a', 'O:a', 'a', ':a', 'oo:a', 'uou:a', 'oo', 'uoo']) {
      expect(permissionsOf({ o, fea })).toEqual([])
    }
  })

  test('takes all after the first colon for the name of a feature', () => {
    expect(permissionsOf({ o: { per: 'read', fpm: '1' }, fea: 'o:a:b' })).toEqual(['org:a:b:read'])
  })

  test('reads more permissions than a number has bits', () => {
    const per = Array.from({ length: 80 }, (_, bit) => `p${bit}`).join(',')
    const fpm = String((1n << 79n) | (1n << 53n) | 1n)
    expect(permissionsOf({ o: { per, fpm }, fea: 'o:a' })).toEqual([
      'org:a:p0',
      'org:a:p53',
      'org:a:p79',
    ])
  })

  test('gives nothing for a map that is missing, odd, or longer than any', () => {
    for (const fpm of ['', '-1', '0x1', '1e3', ' ', 'NaN', '1'.repeat(101)]) {
      expect(permissionsOf({ o: { per: 'read', fpm }, fea: 'o:a' })).toEqual([])
    }
    expect(permissionsOf({ o: { per: 'read', fpm: '1' }, fea: 'o:a,o:b' })).toEqual(['org:a:read'])
    expect(permissionsOf({ o: { per: 'read', fpm: '3' }, fea: 'o:a' })).toEqual(['org:a:read'])
    expect(permissionsOf({ o: { per: 'read', fpm: '1' } })).toEqual([])
  })

  test('has no organization without its member', () => {
    const claims = { sub: 'user_1', v: 2, fea: 'o:a', org_id: 'org_1', org_role: 'org:admin' }
    expect(sessionFields(claims)).toMatchObject({
      orgId: null,
      orgRole: null,
      orgPermissions: null,
    })
  })
})

test.each(ODD)('a member that is %j, where something else is due, is absent or empty', (odd) => {
  const names = ['sid', 'sts', 'act', 'fva', 'org_id', 'org_role', 'org_slug', 'org_permissions']
  for (const claims of [
    { sub: 'user_1', ...Object.fromEntries(names.map((name) => [name, odd])) },
    { sub: 'user_1', v: 2, o: odd, fea: odd },
    { sub: 'user_1', v: 2, o: { id: odd, rol: odd, slg: odd, per: odd, fpm: odd }, fea: 'o:a' },
  ]) {
    const { actor, orgPermissions, ...rest } = sessionFields(claims)
    expect(actor === null || typeof actor === 'object').toBe(true)
    expect(orgPermissions ?? []).toEqual([])
    expect(rest).toMatchObject({ sessionId: null, orgId: null, orgRole: null, orgSlug: null })
    expect(rest).toMatchObject({ sessionStatus: null, factorVerificationAge: null })
  }
})

test('the ages of factors are two numbers or nothing', () => {
  const ageOf = (fva: unknown) => sessionFields({ sub: 'user_1', fva }).factorVerificationAge
  expect(ageOf([3, -1])).toEqual([3, -1])
  for (const fva of [[], [1], [1, 2, 3], ['1', 2], [1, null], 3]) expect(ageOf(fva)).toBeNull()
})
