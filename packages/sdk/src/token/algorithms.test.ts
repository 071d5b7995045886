import { expect, test } from 'vitest'
import { algorithmNamed, JWT_ALGORITHMS } from './algorithms.ts'

test('three algorithms are understood, and nobody adds a fourth', () => {
  expect(JWT_ALGORITHMS).toEqual(['RS256', 'ES256', 'EdDSA'])
  expect(Object.isFrozen(JWT_ALGORITHMS)).toBe(true)
})

test('each is known by its own name, and EdDSA by that of its curve as well', () => {
  for (const name of JWT_ALGORITHMS) expect(algorithmNamed(name)).toBe(name)
  expect(algorithmNamed('Ed25519')).toBe('EdDSA')
})

test.each(['none', 'HS256', 'RS384', 'PS256', 'ES384', 'Ed448', 'rs256', 'ed25519', '', ' RS256'])(
  'no other name is one of theirs: %j',
  (alg) => {
    expect(algorithmNamed(alg)).toBeNull()
  },
)

test.each([undefined, null, 1, ['RS256'], { alg: 'RS256' }])('no name is none: %j', (alg) => {
  expect(algorithmNamed(alg)).toBeNull()
})
