import {
  type CountersignErrorCode,
  explainError,
  isCountersignError,
  SDK_ERRORS,
  type WireError,
} from 'countersign/token'
import { ConfigError } from '../../config.ts'
import { ERRORS } from '../../domain/errors.ts'

/** How a command ends. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, unreachable: 4 } as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** What each exit code means, for `--help` and docs/cli.md. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.failed, 'failed or refused'],
  [EXIT.usage, 'the command was not written correctly'],
  [EXIT.notFound, 'what was named does not exist'],
  [EXIT.unreachable, 'the authority cannot be reached or did not answer as one'],
]

interface FailureEntry {
  /** What it means, for docs/errors.md; what happened is in the error itself. */
  readonly message: string
  readonly exitCode: ExitCode
  readonly remedy: string
}

/** Every failure that arises on this side of the wire, by its stable code. */
export const FAILURES = {
  usage: {
    message: 'The command was not written correctly.',
    exitCode: EXIT.usage,
    remedy: 'See: countersign --help',
  },
  'config-invalid': {
    message: 'The configuration cannot be used.',
    exitCode: EXIT.failed,
    remedy: 'See: countersign config check',
  },
  'root-key-missing': {
    message: 'There is no root key.',
    exitCode: EXIT.failed,
    remedy: 'Make one with: countersign root-key generate --out root.key',
  },
  'root-key-malformed': {
    message: 'What was given is no root key.',
    exitCode: EXIT.failed,
    remedy: 'Make one with: countersign root-key generate --out root.key',
  },
  'root-key-wrong': {
    message: 'The root key does not open this database.',
    exitCode: EXIT.failed,
    remedy: 'Give the root key that the database was made with; another cannot open it.',
  },
  'signing-key-elsewhere': {
    message: 'The signing keys of this instance are in another vault.',
    exitCode: EXIT.failed,
    remedy: 'Set COUNTERSIGN_KEY_VAULT as it was when the instance was founded.',
  },
  'signing-key-missing': {
    message: 'The folder of the key vault does not hold a signing key of this instance.',
    exitCode: EXIT.failed,
    remedy:
      'Mount the right volume, or put the file back from a backup: COUNTERSIGN_KEY_VAULT_DIR.',
  },
  'signing-key-altered': {
    message: 'A signing key is not the one that this authority made and published.',
    exitCode: EXIT.failed,
    remedy: 'Restore the database, or the folder of the key vault, from a backup you trust.',
  },
  'key-folder-unsafe': {
    message: 'Others on this machine could read or replace the private keys.',
    exitCode: EXIT.failed,
    remedy: 'Give the folder mode 700 and its files 600, owned by this user, and no links.',
  },
  'key-folder-unusable': {
    message: 'The folder of the key vault cannot be written or read.',
    exitCode: EXIT.failed,
    remedy: 'Give a folder that this user may write to: COUNTERSIGN_KEY_VAULT_DIR.',
  },
  'schema-older': {
    message: 'The database has the schema of an older release, or none.',
    exitCode: EXIT.failed,
    remedy: 'Run: countersign migrate',
  },
  'schema-newer': {
    message: 'The database has the schema of a newer release.',
    exitCode: EXIT.failed,
    remedy: 'Run the release that wrote the database.',
  },
  'instance-missing': {
    message: 'There is no instance yet.',
    exitCode: EXIT.failed,
    remedy: 'Run: countersign init',
  },
  'instance-exists': {
    message: 'There is an instance already.',
    exitCode: EXIT.failed,
    remedy: 'Its keys are managed with: countersign instance-keys',
  },
  'data-folder-unusable': {
    message: 'A folder or file cannot be made or written.',
    exitCode: EXIT.failed,
    remedy: 'Give a folder that this user may write to, with --data.',
  },
  'database-unusable': {
    message: 'SQLite cannot work with the database file.',
    exitCode: EXIT.failed,
    remedy: 'Look at the file: whose it is, whether the disk is full, and who else has it open.',
  },
  'instance-live': {
    message: 'The data folder is that of an authority in production.',
    exitCode: EXIT.failed,
    remedy:
      'Run it with: countersign serve. For work and trials give dev another folder with --data.',
  },
  'dev-running': {
    message: 'An authority runs on this data folder already.',
    exitCode: EXIT.failed,
    remedy: 'End it first, or give another folder with --data.',
  },
  'address-unavailable': {
    message: 'The address or port cannot be listened on.',
    exitCode: EXIT.failed,
    remedy:
      'Give another port: COUNTERSIGN_PORT, or --port for dev and emulate; 0 takes a free one.',
  },
  'key-missing': {
    message: 'There is no key to call the authority with.',
    exitCode: EXIT.usage,
    remedy:
      'Set COUNTERSIGN_SECRET_KEY, or give --secret-key-file. Beside a running countersign dev neither is needed.',
  },
  'name-ambiguous': {
    message: 'Several machines have this name.',
    exitCode: EXIT.failed,
    remedy: 'Name the machine by its id.',
  },
  'not-found': {
    message: 'No machine has this name.',
    exitCode: EXIT.notFound,
    remedy: 'See what there is with: countersign machines list',
  },
  'source-refused': {
    message: 'The other authority refused to let its machines be read.',
    exitCode: EXIT.failed,
    remedy: 'Give the secret key of that instance (sk_…): CLERK_SECRET_KEY.',
  },
  'source-unusable': {
    message: 'What is to be imported from cannot be reached, or does not answer as Clerk does.',
    exitCode: EXIT.unreachable,
    remedy: 'Is the URL right, and can it be reached from here? Nothing was brought.',
  },
  'confirmation-refused': {
    message: 'The question was not answered with yes.',
    exitCode: EXIT.failed,
    remedy: 'Nothing was changed.',
  },
  'emulator-refused': {
    message: 'An emulator does not start where an authority may be in production.',
    exitCode: EXIT.failed,
    remedy:
      'Unset NODE_ENV, COUNTERSIGN_ROOT_KEY and COUNTERSIGN_ROOT_KEY_FILE for it; it needs none.',
  },
  'seed-invalid': {
    message: 'The seed of the emulator cannot be planted.',
    exitCode: EXIT.usage,
    remedy: 'See docs/emulator.md for what a seed may hold.',
  },
  unexpected: {
    message: 'The command failed in a way that it does not know.',
    exitCode: EXIT.failed,
    remedy: 'This is a defect; please report it, with the command and what it said.',
  },
} as const satisfies Record<string, FailureEntry>

export type FailureCode = keyof typeof FAILURES

/** A failure that the command line itself found. */
export class CommandError extends Error {
  readonly code: FailureCode
  readonly remedy: string | undefined

  constructor(
    code: FailureCode,
    message: string,
    details: { readonly remedy?: string; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause })
    this.name = 'CommandError'
    this.code = code
    this.remedy = details.remedy
  }
}

/** What is said of a failure. */
export interface Failure {
  readonly code: string
  readonly what: string
  readonly remedy: string
  readonly exitCode: ExitCode
}

/** Puts anything that was thrown into words. By its `code`, not by its class. */
export function explain(error: unknown): Failure {
  if (error instanceof ConfigError) return explainConfig(error)
  const { code, message, remedy } = membersOf(error)
  if (Object.hasOwn(FAILURES, code)) return failure(code as FailureCode, message, remedy)
  return explainClient(error) ?? explainRefusal(error) ?? failure('unexpected', message)
}

function failure(code: FailureCode, what: string, remedy?: string): Failure {
  const entry = FAILURES[code]
  return { code, what, remedy: remedy ?? entry.remedy, exitCode: entry.exitCode }
}

const START_ONE = 'Is it running there? Start one with: countersign dev; name another with --url.'

function explainConfig({ code, problems }: ConfigError): Failure {
  const what = problems.map((problem) => `${problem.setting} ${problem.what}`).join('\n')
  const [first, ...others] = problems
  return failure(code, what, others.length === 0 ? first?.remedy : undefined)
}

const CLIENT_EXITS: Readonly<Partial<Record<CountersignErrorCode, ExitCode>>> = {
  'authority-unreachable': EXIT.unreachable,
  'keys-unavailable': EXIT.unreachable,
  'answer-unexpected': EXIT.unreachable,
  'configuration-invalid': EXIT.usage,
  'argument-invalid': EXIT.usage,
}

/** What the SDK found on the way. A refusal in general has its own reasons: see below. */
function explainClient(error: unknown): Failure | null {
  const { code, message } = membersOf(error)
  const entry = lookUp(SDK_ERRORS, code)
  if (entry === undefined || code === 'request-refused') return null
  const exitCode = CLIENT_EXITS[code as CountersignErrorCode] ?? EXIT.failed
  const remedy = exitCode === EXIT.unreachable ? START_ONE : entry.advice
  const what = isCountersignError(error) ? explainError(error) : message
  return { code, what, remedy, exitCode }
}

/** What the authority said, over the wire or, for commands on the database itself, directly. */
function explainRefusal(error: unknown): Failure | null {
  const { code: outerCode, message, status, errors } = membersOf(error)
  const [wire] = errors
  const code = wire?.code ?? outerCode
  const entry = lookUp(ERRORS, code)
  if (wire === undefined && entry === undefined) return null
  return {
    code,
    what: wire?.longMessage ?? message,
    remedy: entry?.advice ?? 'The authority knows more: see its log.',
    exitCode: status === 404 || code.endsWith('_not_found') ? EXIT.notFound : EXIT.failed,
  }
}

function lookUp<Entry>(table: Readonly<Record<string, Entry>>, code: string): Entry | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined
}

interface ErrorMembers {
  readonly code: string
  readonly message: string
  readonly status: unknown
  readonly remedy: string | undefined
  readonly errors: readonly WireError[]
}

function membersOf(error: unknown): ErrorMembers {
  const members = (typeof error === 'object' && error !== null ? error : {}) as Partial<
    Record<string, unknown>
  >
  const { code, message, status, remedy } = members
  return {
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' ? message : 'Something that is no error was thrown.',
    status,
    remedy: typeof remedy === 'string' ? remedy : undefined,
    errors: isCountersignError(error) ? error.errors : [],
  }
}
