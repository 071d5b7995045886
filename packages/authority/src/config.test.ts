import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, type ConfigInput, type ConfigProblem, loadConfig } from './config.ts'
import { isLoopback, renderConfigurationReference } from './settings.ts'

const ROOT_KEY = 'ab'.repeat(32)
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-config-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('loadConfig', () => {
  it('has a working default for every setting but the issuer and the root key', () => {
    const config = loadConfig({ env: {} })
    expect(config).toMatchObject({
      issuer: null,
      host: '127.0.0.1',
      port: 4100,
      dataDir: '.countersign',
      databaseFile: join('.countersign', 'countersign.db'),
      rootKeys: [],
      keyVault: 'sealed',
      keyVaultDir: null,
      environment: 'live',
      jwtAlgorithm: 'RS256',
      readBack: true,
      logLevel: null,
    })
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('lets an option beat the environment, and the environment the file', () => {
    const file = write('order.json', { port: 1, host: '10.0.0.1', dataDir: 'from-file' })
    const env = { COUNTERSIGN_PORT: '2', COUNTERSIGN_HOST: '10.0.0.2' }
    const config = loadConfig({ env, file, options: { port: '3' } })
    expect(config).toMatchObject({ port: 3, host: '10.0.0.2', dataDir: 'from-file' })
    expect(config.sources).toMatchObject({
      port: 'option',
      host: 'environment',
      dataDir: 'file',
      readBack: 'default',
      issuer: 'not set',
    })
  })

  it('reads the file that COUNTERSIGN_CONFIG names', () => {
    const file = write('named.json', { readBack: false })
    expect(loadConfig({ env: { COUNTERSIGN_CONFIG: file } }).readBack).toBe(false)
  })

  it('takes the file vault with its folder, and neither without the other', () => {
    const env = { COUNTERSIGN_KEY_VAULT: 'file', COUNTERSIGN_KEY_VAULT_DIR: '/keys' }
    expect(loadConfig({ env })).toMatchObject({ keyVault: 'file', keyVaultDir: '/keys' })
    for (const alone of ['COUNTERSIGN_KEY_VAULT', 'COUNTERSIGN_KEY_VAULT_DIR'] as const) {
      expect(problemsOf({ env: { [alone]: env[alone] } })).toMatchObject([
        { setting: 'COUNTERSIGN_KEY_VAULT_DIR' },
      ])
    }
  })

  it('takes an empty variable for one that is not set', () => {
    expect(loadConfig({ env: { COUNTERSIGN_PORT: '' } }).port).toBe(4100)
  })

  it('removes the slash at the end of an issuer', () => {
    const env = { COUNTERSIGN_ISSUER: 'https://auth.example.com/tenant/' }
    expect(loadConfig({ env }).issuer).toBe('https://auth.example.com/tenant')
  })

  it.each(['http://localhost:4100', 'http://127.0.0.1', 'http://[::1]:8080', 'http://a.localhost'])(
    'accepts %s as issuer, for it does not leave the machine',
    (issuer) => {
      expect(loadConfig({ env: { COUNTERSIGN_ISSUER: issuer } }).issuer).toBe(issuer)
    },
  )

  it.each([
    ['COUNTERSIGN_ISSUER', 'auth.example.com', 'is not a URL'],
    ['COUNTERSIGN_ISSUER', 'ftp://auth.example.com', 'is not a URL'],
    ['COUNTERSIGN_ISSUER', 'http://auth.example.com', 'is http'],
    ['COUNTERSIGN_ISSUER', 'http://127.0.0.1.example.com', 'is http'],
    ['COUNTERSIGN_ISSUER', 'https://auth.example.com?a=1', 'has a query'],
    ['COUNTERSIGN_ISSUER', 'https://me@auth.example.com', 'has a query, a fragment or a user'],
    ['COUNTERSIGN_HOST', ' ', 'is empty'],
    ['COUNTERSIGN_PORT', '65536', 'is not a port'],
    ['COUNTERSIGN_PORT', '-1', 'is not a port'],
    ['COUNTERSIGN_PORT', '41oo', 'is not a port'],
    ['COUNTERSIGN_DATA', ' ', 'is empty'],
    ['COUNTERSIGN_ENVIRONMENT', 'staging', 'has a value that is not known'],
    ['COUNTERSIGN_JWT_ALGORITHM', 'HS256', 'has a value that is not known'],
    ['COUNTERSIGN_READ_BACK', 'maybe', 'is neither on nor off'],
    ['COUNTERSIGN_LOG_LEVEL', 'debug', 'has a value that is not known'],
  ])('refuses %s=%s: it %s', (variable, text, what) => {
    const [problem] = problemsOf({ env: { [variable]: text } })
    expect(problem?.setting).toBe(variable)
    expect(problem?.what).toContain(what)
    expect(problem?.remedy).not.toBe('')
  })

  it('names everything that is wrong at once', () => {
    const env = { COUNTERSIGN_PORT: 'x', COUNTERSIGN_READ_BACK: 'y' }
    const problems = problemsOf({ env, require: ['issuer', 'rootKey'] })
    expect(problems.map(({ setting }) => setting)).toEqual([
      'COUNTERSIGN_PORT',
      'COUNTERSIGN_READ_BACK',
      'COUNTERSIGN_ISSUER',
      'COUNTERSIGN_ROOT_KEY',
    ])
  })

  it('guesses which setting a misspelt variable was meant to be', () => {
    const env = { COUNTERSIGN_ISUER: 'x', COUNTERSIGN_QQQQQQQQQQQQ: 'x', COUNTERSIGN_URL: 'x' }
    expect(loadConfig({ env }).warnings).toEqual([
      'COUNTERSIGN_ISUER is no setting. Did you mean COUNTERSIGN_ISSUER?',
      'COUNTERSIGN_QQQQQQQQQQQQ is no setting.',
    ])
  })
})

describe('the file of settings', () => {
  it('is refused when it is absent, and when it is not a JSON object', () => {
    expect(problemsOf({ env: {}, file: join(folder, 'none.json') })[0]?.what).toContain('ENOENT')
    expect(problemsOf({ env: {}, file: write('list.json', []) })[0]?.what).toContain('JSON object')
  })

  it('is refused with a key that is no setting', () => {
    const [problem] = problemsOf({ env: {}, file: write('typo.json', { isuer: 'x' }) })
    expect(problem?.what).toBe('is no setting.')
    expect(problem?.remedy).toBe('Did you mean "issuer"?')
  })

  it('is refused with a value that is no text, number or boolean', () => {
    const [problem] = problemsOf({ env: {}, file: write('object.json', { port: {} }) })
    expect(problem?.what).toBe('must be a string, a number or a boolean.')
  })

  it('is refused with a secret in it, which is not repeated', () => {
    const problems = problemsOf({ env: {}, file: write('secret.json', { rootKey: ROOT_KEY }) })
    expect(problems[0]?.what).toContain('is a secret')
    expect(JSON.stringify(problems)).not.toContain(ROOT_KEY)
  })
})

describe('the root key', () => {
  it('is read from the environment, and is not in what can be printed of the config', () => {
    const config = loadConfig({ env: { COUNTERSIGN_ROOT_KEY: ROOT_KEY } })
    expect(config.rootKeys).toHaveLength(1)
    expect(JSON.stringify(config)).not.toContain(ROOT_KEY)
  })

  it('is read from a file that only its owner can read', () => {
    const env = { COUNTERSIGN_ROOT_KEY_FILE: writeKey('good.key', ROOT_KEY, 0o600) }
    expect(loadConfig({ env }).rootKeys).toHaveLength(1)
  })

  it.each([0o640, 0o604, 0o660, 0o644])('is refused in a file with mode %o', (mode) => {
    const file = writeKey('open.key', ROOT_KEY, mode)
    const [problem] = problemsOf({ env: { COUNTERSIGN_ROOT_KEY_FILE: file } })
    expect(problem?.what).toContain('can be read by others')
    expect(problem?.remedy).toBe(`Run: chmod 600 ${file}`)
  })

  it('is refused when it is malformed, without repeating it', () => {
    const problems = problemsOf({ env: { COUNTERSIGN_ROOT_KEY: 'correct-horse-battery' } })
    expect(problems[0]?.what).toContain('is no root key')
    expect(JSON.stringify(problems)).not.toContain('horse')
  })

  it('is refused when it is given twice', () => {
    const file = writeKey('twice.key', ROOT_KEY, 0o600)
    const env = { COUNTERSIGN_ROOT_KEY: ROOT_KEY, COUNTERSIGN_ROOT_KEY_FILE: file }
    expect(problemsOf({ env })[0]?.what).toContain('are both set')
  })
})

describe('isLoopback', () => {
  it.each(['evil-localhost', 'localhost.example.com', '1127.0.0.1', '0.0.0.0', '128.0.0.1'])(
    'is not taken in by %s',
    (host) => {
      expect(isLoopback(host)).toBe(false)
    },
  )
})

it('docs/configuration.md is what the table of settings says', async () => {
  await expect(renderConfigurationReference()).toMatchFileSnapshot('../../../docs/configuration.md')
})

function problemsOf(input: ConfigInput): readonly ConfigProblem[] {
  try {
    loadConfig(input)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

function write(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, JSON.stringify(content))
  return path
}

function writeKey(name: string, text: string, mode: number): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}
