import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { LeakedSecretPolicy } from './domain/leaked-credentials.ts'
import type { Algorithm, Environment } from './domain/records.ts'
import type { RootKey } from './domain/root-key.ts'
import { nearest } from './nearest.ts'
import { type Networks, NO_NETWORKS } from './network.ts'
import {
  isRefusal,
  type KeyVaultKind,
  type LogLevel,
  type Refusal,
  SETTING_KEYS,
  type SettingKey,
  SETTINGS,
} from './settings.ts'

/** All that an operator decides, read once and never changed. */
export interface Config {
  /** Without a trailing slash; `null` when none is set. */
  readonly issuer: string | null
  readonly host: string
  readonly port: number
  readonly dataDir: string
  /** The database inside `dataDir`. */
  readonly databaseFile: string
  /** From `rootKey` or `rootKeyFile`, the current one first; empty when neither is set. */
  readonly rootKeys: readonly RootKey[]
  /** Where they came from, when from a file. */
  readonly rootKeyFile: string | null
  readonly keyVault: KeyVaultKind
  /** Set if and only if `keyVault` is `file`. */
  readonly keyVaultDir: string | null
  readonly environment: Environment
  readonly jwtAlgorithm: Algorithm
  /** 0: signing keys do not roll by themselves. */
  readonly keyRotationDays: number
  readonly leakedMachineSecrets: LeakedSecretPolicy
  readonly readBack: boolean
  readonly trustedProxies: Networks
  /** 0 for ever. */
  readonly auditRetentionDays: number
  readonly webhooksAllowPrivate: boolean
  /** `null` when none is set: a command has its own default. */
  readonly logLevel: LogLevel | null
  /** Where each setting came from, for `config show`. */
  readonly sources: Readonly<Record<SettingKey, SettingSource>>
  /** Variables that look like settings and are none. */
  readonly warnings: readonly string[]
}

/** Where a setting's value was found. */
export type SettingSource = 'environment' | 'file' | 'option' | 'default' | 'not set'

/** What is wrong with one setting. Never quotes a secret. */
export interface ConfigProblem {
  /** As the operator wrote it: a variable, or a key of the file. */
  readonly setting: string
  readonly what: string
  readonly remedy: string
}

/** Thrown with everything that is wrong at once. */
export class ConfigError extends Error {
  readonly code = 'config-invalid'
  readonly problems: readonly ConfigProblem[]
  /** Variables that look like settings and are none: often why another one is missing. */
  readonly warnings: readonly string[]

  constructor(problems: readonly ConfigProblem[], warnings: readonly string[] = []) {
    super(problems.map(({ setting, what }) => `${setting} ${what}`).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
    this.warnings = warnings
  }
}

/** Names the file of settings. */
const CONFIG_FILE_VARIABLE = 'COUNTERSIGN_CONFIG'

/** What the commands that call an authority read; no settings of an authority. */
const CLIENT_VARIABLES: readonly string[] = [
  'COUNTERSIGN_URL',
  'COUNTERSIGN_SECRET_KEY',
  'COUNTERSIGN_MACHINE_SECRET_KEY',
  'COUNTERSIGN_JWT_KEY',
]

export interface ConfigInput {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Path of a JSON file; default: what `COUNTERSIGN_CONFIG` names, else none. */
  readonly file?: string | undefined
  /** What was said on the command line; it beats environment and file. */
  readonly options?: Readonly<Partial<Record<SettingKey, string>>>
  /** Settings that must be there. */
  readonly require?: readonly ('issuer' | 'rootKey')[]
}

/**
 * Reads every setting: command line before environment before file before default.
 *
 * @throws {ConfigError} naming every setting that is wrong or missing, and what to do.
 */
export function loadConfig(input: ConfigInput): Config {
  const problems: ConfigProblem[] = []
  const fail: Fail = (setting, what, remedy) => problems.push({ setting, what, remedy })
  const found = findSettings(input, fail)

  // A setting that is refused reads as one that is not set; nobody sees it, for the end is a throw.
  const read = <Key extends SettingKey>(key: Key): Value<Key> | null => {
    const { text, name } = found[key]
    if (text === null) return null
    const value: unknown = SETTINGS[key].parse(text)
    if (!isRefusal(value)) return value as Value<Key>
    fail(name, ...value.refused)
    return null
  }

  const dataDir = read('dataDir') ?? ''
  const rootKeyFile = read('rootKeyFile')
  const config = {
    issuer: read('issuer'),
    host: read('host') ?? '',
    port: read('port') ?? 0,
    dataDir,
    databaseFile: join(dataDir, 'countersign.db'),
    rootKeys: read('rootKey') ?? keysOfFile(rootKeyFile, found, fail),
    rootKeyFile,
    keyVault: read('keyVault') ?? 'sealed',
    keyVaultDir: read('keyVaultDir'),
    environment: read('environment') ?? 'live',
    jwtAlgorithm: read('jwtAlgorithm') ?? 'RS256',
    keyRotationDays: read('keyRotationDays') ?? 30,
    leakedMachineSecrets: read('leakedMachineSecrets') ?? 'report',
    readBack: read('readBack') ?? true,
    trustedProxies: read('trustedProxies') ?? NO_NETWORKS,
    auditRetentionDays: read('auditRetentionDays') ?? 400,
    webhooksAllowPrivate: read('webhooksAllowPrivate') ?? false,
    logLevel: read('logLevel'),
    sources: Object.freeze(mapSettings((key) => found[key].source)),
    warnings: unknownVariables(input.env),
  } satisfies Config
  if (found.rootKey.text !== null && rootKeyFile !== null) {
    fail(found.rootKey.name, `and ${found.rootKeyFile.name} are both set.`, 'Keep one of them.')
  }
  checkKeyVault(config, found, fail)
  for (const key of input.require ?? []) requireSetting(key, found, fail)
  if (problems.length > 0) throw new ConfigError(problems, config.warnings)
  return Object.freeze(config)
}

/**
 * Root keys from a file that nobody but its owner can read.
 *
 * @throws {ConfigError}
 */
export function readRootKeyFile(path: string): readonly RootKey[] {
  const keys = readKeyFile(path)
  if (!isRefusal(keys)) return keys
  const [what, remedy] = keys.refused
  throw new ConfigError([{ setting: path, what, remedy }])
}

/** What a setting's text becomes. */
type Value<Key extends SettingKey> = Exclude<ReturnType<(typeof SETTINGS)[Key]['parse']>, Refusal>

type Fail = (setting: string, what: string, remedy: string) => void

interface Found {
  readonly text: string | null
  readonly source: SettingSource
  /** As its author wrote it. */
  readonly name: string
}

type FoundSettings = Readonly<Record<SettingKey, Found>>

function findSettings(input: ConfigInput, fail: Fail): FoundSettings {
  const path = input.file ?? input.env[CONFIG_FILE_VARIABLE] ?? ''
  const file = path === '' ? {} : readConfigFile(path, fail)
  return mapSettings((key) => {
    const { env: variable, default: fallback } = SETTINGS[key]
    const option = input.options?.[key]
    if (option !== undefined) return { text: option, source: 'option', name: optionName(key) }
    const fromEnv = input.env[variable]
    if (fromEnv !== undefined && fromEnv !== '') {
      return { text: fromEnv, source: 'environment', name: variable }
    }
    const fromFile = file[key]
    if (fromFile !== undefined) {
      return { text: fromFile, source: 'file', name: inFile(key, path) }
    }
    return { text: fallback, source: fallback === null ? 'not set' : 'default', name: variable }
  })
}

function inFile(key: string, path: string): string {
  return `"${key}" in ${path}`
}

function optionName(key: SettingKey): string {
  return key === 'dataDir' ? '--data' : `--${key}`
}

function mapSettings<Value>(of: (key: SettingKey) => Value): Record<SettingKey, Value> {
  return Object.fromEntries(SETTING_KEYS.map((key) => [key, of(key)])) as Record<SettingKey, Value>
}

/** The settings of the file as texts. */
function readConfigFile(path: string, fail: Fail): Readonly<Partial<Record<SettingKey, string>>> {
  const content = parseJsonFile(path, fail)
  if (content === null) return {}
  const entries = Object.entries(content).flatMap(([key, value]) => {
    const problem = refuseEntry(key, value)
    if (problem === null) return [[key, String(value)] as const]
    fail(inFile(key, path), ...problem.refused)
    return []
  })
  return Object.fromEntries(entries)
}

function parseJsonFile(path: string, fail: Fail): object | null {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    fail(
      path,
      `cannot be read (${nodeErrorCode(error)}).`,
      'Give the path of a readable JSON file.',
    )
    return null
  }
  try {
    const content: unknown = JSON.parse(text)
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content
  } catch {
    // The message of JSON.parse quotes the text, which may hold what does not belong there.
  }
  fail(path, 'is not a JSON object.', 'Write { "issuer": "https://…" }; see docs/configuration.md.')
  return null
}

function refuseEntry(key: string, value: unknown): Refusal | null {
  if (!Object.hasOwn(SETTINGS, key)) {
    const guess = nearest(key, SETTING_KEYS)
    const remedy =
      guess === null ? 'Remove it; see docs/configuration.md.' : `Did you mean "${guess}"?`
    return { refused: ['is no setting.', remedy] }
  }
  const setting = SETTINGS[key as SettingKey]
  if (setting.secret) {
    return {
      refused: ['is a secret, and does not belong in a file of settings.', `Set ${setting.env}.`],
    }
  }
  return ['string', 'number', 'boolean'].includes(typeof value)
    ? null
    : { refused: ['must be a string, a number or a boolean.', `It is ${setting.form}.`] }
}

function requireSetting(key: 'issuer' | 'rootKey', found: FoundSettings, fail: Fail): void {
  if (found[key].text !== null) return
  if (key === 'issuer') {
    const { env } = SETTINGS.issuer
    fail(
      env,
      'is not set.',
      `Set it to the public URL of this authority: ${env}=https://auth.example.com`,
    )
  } else if (found.rootKeyFile.text === null) {
    fail(
      SETTINGS.rootKey.env,
      'is not set, nor is COUNTERSIGN_ROOT_KEY_FILE.',
      'Make a key with: countersign root-key generate --out root.key',
    )
  }
}

/** One without the other is a mistake whose cost would be keys in the wrong place. */
function checkKeyVault(
  { keyVault, keyVaultDir }: Pick<Config, 'keyVault' | 'keyVaultDir'>,
  { keyVaultDir: directory }: FoundSettings,
  fail: Fail,
): void {
  if (keyVault === 'file' && directory.text === null) {
    const remedy = 'Give the folder that holds the private keys, or will.'
    fail(directory.name, 'is not set, and the key vault is file.', remedy)
  } else if (keyVault !== 'file' && keyVaultDir !== null) {
    const remedy = `Set ${SETTINGS.keyVault.env}=file, or remove the folder.`
    fail(directory.name, `is set, and the key vault is ${keyVault}.`, remedy)
  }
}

function keysOfFile(path: string | null, found: FoundSettings, fail: Fail): readonly RootKey[] {
  if (path === null) return []
  const keys = readKeyFile(path)
  if (!isRefusal(keys)) return keys
  fail(`${found.rootKeyFile.name} (${path})`, ...keys.refused)
  return []
}

function readKeyFile(path: string): readonly RootKey[] | Refusal {
  try {
    const othersMay = statSync(path).mode & 0o077
    if (othersMay !== 0 && process.platform !== 'win32') {
      return { refused: ['can be read by others on this machine.', `Run: chmod 600 ${path}`] }
    }
    return SETTINGS.rootKey.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const remedy = 'Give the path of the root key file, or make one: countersign root-key generate'
    return { refused: [`cannot be read (${nodeErrorCode(error)}).`, remedy] }
  }
}

function unknownVariables(env: ConfigInput['env']): readonly string[] {
  const known = [
    ...SETTING_KEYS.map((key) => SETTINGS[key].env),
    CONFIG_FILE_VARIABLE,
    ...CLIENT_VARIABLES,
  ]
  return Object.keys(env)
    .filter((name) => name.startsWith('COUNTERSIGN_') && !known.includes(name))
    .map((name) => {
      const guess = nearest(name, known)
      return `${name} is no setting.${guess === null ? '' : ` Did you mean ${guess}?`}`
    })
}

function nodeErrorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
}
