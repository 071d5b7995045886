import type { LeakedSecretPolicy } from './domain/leaked-credentials.ts'
import type { Algorithm, Environment } from './domain/records.ts'
import { parseRootKeys, type RootKey, RootKeyError } from './domain/root-key.ts'
import { type Networks, parseNetworks } from './network.ts'

/** How much is logged. */
export type LogLevel = 'error' | 'warn' | 'info' | 'silent'

/** Where private signing keys live, of the vaults that need nothing but this machine. */
export type KeyVaultKind = 'sealed' | 'file'

/** What a parser gives instead of a value: what is wrong, and what to do. */
export interface Refusal {
  readonly refused: readonly [what: string, remedy: string]
}

/** A setting of the authority. */
export interface Setting<Value> {
  readonly env: string
  /** What it looks like, for the reference. */
  readonly form: string
  /** The default as text; `null` for none. */
  readonly default: string | null
  /** A secret is taken from the environment only, and never shown. */
  readonly secret: boolean
  /** The commands that heed it. */
  readonly commands: readonly string[]
  readonly about: string
  parse(text: string): Value | Refusal
}

/** Every setting, defined once: the parser, `config show` and docs/configuration.md read this table. */
export const SETTINGS = {
  issuer: {
    env: 'COUNTERSIGN_ISSUER',
    form: 'URL',
    default: null,
    secret: false,
    commands: ['serve'],
    about:
      'The public URL of the authority, under which callers and verifiers reach it; it becomes `iss` of every JWT. `https`, except on a loopback host. May have a path; no query, fragment or user.',
    parse: parseIssuer,
  },
  host: {
    env: 'COUNTERSIGN_HOST',
    form: 'address',
    default: '127.0.0.1',
    secret: false,
    commands: ['serve'],
    about:
      'The address to listen on. `0.0.0.0` takes every interface: put a proxy that ends TLS before it.',
    parse: parseNonEmpty,
  },
  port: {
    env: 'COUNTERSIGN_PORT',
    form: '0–65535',
    default: '4100',
    secret: false,
    commands: ['serve', 'dev'],
    about: 'The port to listen on; 0 takes a free one.',
    parse: parsePort,
  },
  dataDir: {
    env: 'COUNTERSIGN_DATA',
    form: 'path',
    default: '.countersign',
    secret: false,
    commands: ['serve', 'dev', 'init', 'migrate', 'instance-keys'],
    about: 'The folder that holds the database, `countersign.db`. Created with mode 0700.',
    parse: parseNonEmpty,
  },
  rootKey: {
    env: 'COUNTERSIGN_ROOT_KEY',
    form: '32 bytes in hexadecimal or base64; several separated by commas, the current one first',
    default: null,
    secret: true,
    commands: ['serve', 'dev', 'init', 'instance-keys', 'root-key'],
    about:
      'The key that wraps every other key in the database. Without it a stolen database is worthless, and a lost one cannot be replaced. Make one with `countersign root-key generate`.',
    parse: parseKeys,
  },
  rootKeyFile: {
    env: 'COUNTERSIGN_ROOT_KEY_FILE',
    form: 'path',
    default: null,
    secret: false,
    commands: ['serve', 'dev', 'init', 'instance-keys', 'root-key'],
    about:
      'A file with the root key, readable by its owner only. Not together with `COUNTERSIGN_ROOT_KEY`. `dev` without either makes `root.key` in the data folder.',
    parse: parseNonEmpty,
  },
  keyVault: {
    env: 'COUNTERSIGN_KEY_VAULT',
    form: '`sealed` or `file`',
    default: 'sealed',
    secret: false,
    commands: ['serve', 'dev', 'init'],
    about:
      'Where the private signing keys live: sealed in the database, or as files in `COUNTERSIGN_KEY_VAULT_DIR`. Decided when the instance is founded: its keys stay where they were made, and an authority with another vault refuses to start.',
    parse: oneOf<KeyVaultKind>(['sealed', 'file']),
  },
  keyVaultDir: {
    env: 'COUNTERSIGN_KEY_VAULT_DIR',
    form: 'path',
    default: null,
    secret: false,
    commands: ['serve', 'dev', 'init'],
    about:
      'The folder of the `file` vault, on a volume that the database and its backups are not on: one file `<kid>.pem` a key (PKCS #8, not encrypted). `init` makes it with mode 0700 and the files with 0600. A folder or file that others on the machine can read, that another user owns, or that is a symbolic link is refused, as are therefore the links of a mounted Kubernetes Secret: mount a volume, or a copy with those modes.',
    parse: parseNonEmpty,
  },
  environment: {
    env: 'COUNTERSIGN_ENVIRONMENT',
    form: '`live` or `test`',
    default: 'live',
    secret: false,
    commands: ['init'],
    about:
      'Decides once, when the instance is founded, whether its keys start with `sk_live_` or `sk_test_`. `dev` always founds a `test` instance.',
    parse: oneOf<Environment>(['live', 'test']),
  },
  jwtAlgorithm: {
    env: 'COUNTERSIGN_JWT_ALGORITHM',
    form: '`RS256`, `ES256` or `EdDSA`',
    default: 'RS256',
    secret: false,
    commands: ['serve', 'dev'],
    about:
      'Signs the JWTs of machines that have no algorithm of their own. `RS256` is what existing clients know and the fastest to verify; `ES256` is the fastest to sign.',
    parse: oneOf<Algorithm>(['RS256', 'ES256', 'EdDSA']),
  },
  leakedMachineSecrets: {
    env: 'COUNTERSIGN_LEAKED_MACHINE_SECRETS',
    form: '`report` or `revoke`',
    default: 'report',
    secret: false,
    commands: ['serve', 'dev'],
    about:
      'What becomes of a live machine secret that is reported as leaked: told to the audit log, or ended at once, which stops its service. Tokens and API keys are always revoked.',
    parse: oneOf<LeakedSecretPolicy>(['report', 'revoke']),
  },
  keyRotationDays: {
    env: 'COUNTERSIGN_KEY_ROTATION_DAYS',
    form: '0–365',
    default: '30',
    secret: false,
    commands: ['serve', 'dev'],
    about:
      'How many days a signing key signs before its successor takes over by itself; 0: only when told to, by `countersign keys rotate`. See [key-rotation.md](key-rotation.md).',
    parse: days(365, 'is never'),
  },
  readBack: {
    env: 'COUNTERSIGN_READ_BACK',
    form: '`on` or `off`',
    default: 'on',
    secret: false,
    commands: ['serve', 'dev', 'init', 'instance-keys'],
    about:
      'Whether secrets can be read back and tokens reused. While `off`, nothing that could be read back is stored, and what was stored stays shut.',
    parse: parseSwitch,
  },
  trustedProxies: {
    env: 'COUNTERSIGN_TRUSTED_PROXIES',
    form: 'addresses and networks (`10.0.0.0/8`) separated by commas; also `loopback`, `private`',
    default: null,
    secret: false,
    commands: ['serve'],
    about:
      'The proxies before the authority. Of a request that comes from one of them, the audit log records the last address in `X-Forwarded-For` that is none of them; without this setting, the peer of the socket, whatever a header says. Name only proxies that append to that header or replace it.',
    parse: parseProxies,
  },
  auditRetentionDays: {
    env: 'COUNTERSIGN_AUDIT_RETENTION_DAYS',
    form: '0–36500',
    default: '400',
    secret: false,
    commands: ['serve', 'dev'],
    about:
      'How long the audit log is kept; 0 for ever. What is older is forgotten up to a signed checkpoint, from which the rest can still be verified.',
    parse: days(36_500, 'keeps it for ever'),
  },
  webhooksAllowPrivate: {
    env: 'COUNTERSIGN_WEBHOOKS_ALLOW_PRIVATE',
    form: '`on` or `off`',
    default: 'off',
    secret: false,
    commands: ['serve', 'dev'],
    about:
      'Whether webhooks may be delivered to private networks and to this machine. While `off`, only to addresses of the public internet, so that nobody with the instance key can reach what stands beside the authority.',
    parse: parseSwitch,
  },
  logLevel: {
    env: 'COUNTERSIGN_LOG_LEVEL',
    form: '`error`, `warn`, `info` or `silent`',
    default: null,
    secret: false,
    commands: ['serve', 'dev'],
    about:
      'What is logged, as JSON lines on standard error. Without it, `serve` logs `info` and `dev` logs `warn`.',
    parse: oneOf<LogLevel>(['error', 'warn', 'info', 'silent']),
  },
} as const satisfies Record<string, Setting<unknown>>

/** The name of a setting in the file and in {@link Config}. */
export type SettingKey = keyof typeof SETTINGS

/** Keys in the order of the reference. */
export const SETTING_KEYS: readonly SettingKey[] = Object.keys(SETTINGS) as SettingKey[]

/** docs/configuration.md. */
export function renderConfigurationReference(): string {
  const entries = SETTING_KEYS.map((key) => {
    const setting: Setting<unknown> = SETTINGS[key]
    const inFile = setting.secret ? 'not in the file: it is a secret' : `\`${key}\``
    return [
      `## \`${setting.env}\``,
      '',
      setting.about,
      '',
      `- Form: ${setting.form}`,
      `- Default: ${setting.default === null ? 'none' : `\`${setting.default}\``}`,
      `- In the file: ${inFile}`,
      `- Heeded by: ${setting.commands.map((name) => `\`${name}\``).join(', ')}`,
      '',
    ].join('\n')
  })
  return [
    '<!-- Written from the table in packages/authority/src/settings.ts by its test. -->',
    '',
    '# Configuration',
    '',
    'The authority is configured by environment variables, by a JSON file that `--config` or',
    '`COUNTERSIGN_CONFIG` names, or by both. An option of the command beats the environment, and the',
    'environment beats the file. The file may hold the keys below and no others; secrets are refused',
    'in it. `countersign config check` says what is wrong, also which variable may be misspelt;',
    '`countersign config show` says what holds and where it came from.',
    '',
    '```json',
    '{ "issuer": "https://auth.example.com", "dataDir": "/var/lib/countersign" }',
    '```',
    '',
    'The variables that the commands for machines, tokens and keys read are in [cli.md](cli.md).',
    '',
    ...entries,
  ].join('\n')
}

/** Whether a parser refused. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value
}

function parseKeys(text: string): readonly RootKey[] | Refusal {
  try {
    return parseRootKeys(text)
  } catch (error) {
    if (!(error instanceof RootKeyError)) throw error
    const remedy = 'Give the key that the database was made with.'
    return { refused: [`is no root key. ${error.message}`, remedy] }
  }
}

function parseIssuer(text: string): string | Refusal {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !['https:', 'http:'].includes(url.protocol)) {
    return { refused: ['is not a URL.', 'Write it as https://auth.example.com'] }
  }
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    return {
      refused: ['has a query, a fragment or a user.', 'An issuer has none of them (RFC 8414 §2).'],
    }
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return {
      refused: [
        'is http, so that anyone on the way can put in keys of their own.',
        'Use https, or a loopback host such as http://127.0.0.1:4100 for trials.',
      ],
    }
  }
  return text.replace(/\/+$/, '')
}

/** Whether a host name means this machine (RFC 6761 §6.3 for `localhost`). */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}

function parsePort(text: string): number | Refusal {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  return port <= 65_535
    ? port
    : { refused: ['is not a port.', 'Give a number from 0 to 65535; 0 takes a free port.'] }
}

function days(most: number, zero: string): (text: string) => number | Refusal {
  return (text) => {
    const count = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
    if (count <= most) return count
    const advice = `Give a whole number from 0 to ${most}; 0 ${zero}.`
    return { refused: ['is not a number of days.', advice] }
  }
}

function parseProxies(text: string): Networks | Refusal {
  return (
    parseNetworks(text) ?? {
      refused: ['is not a list of addresses.', 'Write it as 10.0.0.0/8, 2001:db8::1'],
    }
  )
}

function parseSwitch(text: string): boolean | Refusal {
  if (['on', 'true'].includes(text)) return true
  if (['off', 'false'].includes(text)) return false
  return { refused: ['is neither on nor off.', 'Give on or off.'] }
}

function parseNonEmpty(text: string): string | Refusal {
  return text.trim() === '' ? { refused: ['is empty.', 'Give a value or remove it.'] } : text
}

function oneOf<Choice extends string>(
  choices: readonly Choice[],
): (text: string) => Choice | Refusal {
  return (text) =>
    choices.find((choice) => choice === text) ?? {
      refused: ['has a value that is not known.', `Give one of: ${choices.join(', ')}.`],
    }
}
