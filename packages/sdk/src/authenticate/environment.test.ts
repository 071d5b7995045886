import { describe, expect, test, vi } from 'vitest'
import { withEnvironment } from './environment.ts'

const ENV = {
  COUNTERSIGN_URL: 'https://authority.test',
  COUNTERSIGN_MACHINE_SECRET_KEY: 'ak_env',
  COUNTERSIGN_SECRET_KEY: 'sk_env',
}
const JWK = { kty: 'OKP', crv: 'Ed25519', x: 'AA', kid: 'key_1' }

describe('what a middleware is not told', () => {
  test('it reads from the environment', () => {
    expect(withEnvironment({ env: ENV })).toMatchObject({
      apiUrl: 'https://authority.test',
      machineSecretKey: 'ak_env',
      secretKey: 'sk_env',
    })
  })

  test('it reads from that of the process, where none is given', () => {
    for (const [name, value] of Object.entries(ENV)) vi.stubEnv(name, value)
    expect(withEnvironment({})).toMatchObject({ apiUrl: 'https://authority.test' })
    vi.unstubAllEnvs()
  })

  test('it reads where there is no process', () => {
    vi.stubGlobal('process', undefined)
    expect(() => withEnvironment({})).toThrow('COUNTERSIGN_URL')
    expect(withEnvironment({ env: ENV }).apiUrl).toBe('https://authority.test')
    vi.unstubAllGlobals()
  })

  test('it reads first from what its platform gives it', () => {
    for (const [name, value] of Object.entries(ENV)) vi.stubEnv(name, value)
    const own = { COUNTERSIGN_URL: 'https://own.test', COUNTERSIGN_SECRET_KEY: '', KV: {} }
    const found = { apiUrl: 'https://own.test', secretKey: 'sk_env' }
    expect(withEnvironment({}, own)).toMatchObject(found)
    vi.unstubAllEnvs()
    expect(withEnvironment({ env: ENV }, own)).toMatchObject({ apiUrl: 'https://authority.test' })
  })

  test('and nothing else is read: neither other variables, nor those that are not needed', () => {
    const env = new Proxy(
      {},
      {
        get(_, name) {
          throw new Error(`read ${String(name)}`)
        },
      },
    )
    const options = {
      apiUrl: 'https://given.test',
      machineSecretKey: 'ak_given',
      secretKey: 'sk_given',
      jwksUri: 'https://given.test/jwks',
    }
    expect(withEnvironment({ ...options, env })).toMatchObject(options)
  })
})

test('what is given wins over the environment, and what is empty counts as not given', () => {
  const given = { apiUrl: 'https://given.test', machineSecretKey: 'ak_given', secretKey: '' }
  expect(withEnvironment({ ...given, env: ENV })).toMatchObject({
    apiUrl: 'https://given.test',
    machineSecretKey: 'ak_given',
    secretKey: 'sk_env',
  })
})

describe('a setting that is missing is named, by option and by variable', () => {
  test.each([
    ['apiUrl', 'COUNTERSIGN_URL', {}],
    ['apiUrl', 'COUNTERSIGN_URL', { COUNTERSIGN_URL: '' }],
    ['machineSecretKey', 'COUNTERSIGN_MACHINE_SECRET_KEY', { COUNTERSIGN_URL: 'https://a.test' }],
    ['secretKey', 'COUNTERSIGN_SECRET_KEY', { COUNTERSIGN_URL: 'https://a.test' }],
  ])('%s, %s', (option, variable, env) => {
    const make = (): unknown => withEnvironment({ env })
    expect(make).toThrow(expect.objectContaining({ code: 'configuration-invalid' }))
    expect(make).toThrow(option)
    expect(make).toThrow(variable)
  })

  test('but no key is needed where only JWTs are verified, for receivers that are said', () => {
    const env = { COUNTERSIGN_URL: 'https://a.test' }
    expect(withEnvironment({ env, audience: null }).machineSecretKey).toBeUndefined()
  })
})

describe('COUNTERSIGN_JWT_KEY', () => {
  test.each([
    ['a JWK', JSON.stringify(JWK)],
    ['a JWK Set', JSON.stringify({ keys: [JWK] })],
  ])('is %s, and takes the place of the set that is fetched', (_, text) => {
    const env = { ...ENV, COUNTERSIGN_JWT_KEY: text }
    expect(withEnvironment({ env }).jwks).toEqual({ keys: [JWK] })
  })

  test('gives way to keys that are given', () => {
    const env = { ...ENV, COUNTERSIGN_JWT_KEY: JSON.stringify(JWK) }
    expect(withEnvironment({ env, jwks: { keys: [] } }).jwks).toEqual({ keys: [] })
    expect(withEnvironment({ env, jwksUri: 'https://a.test/jwks' }).jwks).toBeUndefined()
  })

  test.each(['-----BEGIN PUBLIC KEY-----', '[]', '{}', 'null', '{"keys":{}}', '{"kty":1}'])(
    'is refused when it is neither: %s',
    (text) => {
      const env = { ...ENV, COUNTERSIGN_JWT_KEY: text }
      expect(() => withEnvironment({ env })).toThrow('COUNTERSIGN_JWT_KEY')
    },
  )
})

test('a variable that is no text is refused, and options that are no object', () => {
  expect(() => withEnvironment({ env: { COUNTERSIGN_URL: 1 } })).toThrow('COUNTERSIGN_URL')
  expect(() => withEnvironment(null as never)).toThrow('options to be an object')
})
