import type { M2MToken } from 'countersign'
import { inspect, type Inspection } from './inspect.ts'
import {
  choiceFlag,
  type Command,
  countFlag,
  defineCommand,
  durationFlag,
  type Noun,
  objectFlag,
  onSwitch,
  type Report,
  textsFlag,
} from './shell/command.ts'
import { EXIT, explain } from './shell/failure.ts'
import {
  MACHINE,
  connectAsMachine,
  connectAsOwner,
  MACHINE_FLAGS,
  machineId,
  REMOTE_FLAGS,
  VERIFY_FLAGS,
} from './shell/remote.ts'
import { facts, pageNote, safe, showTime, table } from './shell/show.ts'
import type { Shell } from './shell/shell.ts'
import { TOKEN_WORD, tokenText } from './shell/token-word.ts'
import { revoke } from './tokens-revoke.ts'
import { why } from './tokens-why.ts'

const create = defineCommand({
  about: 'Makes a token for a machine and prints it.',
  details:
    'A machine makes its own tokens, so this needs its key; whoever has the instance key can name the machine instead.',
  examples: [
    ['tokens create --machine worker', 'an opaque token, checked by asking the authority'],
    ['tokens create --format jwt --ttl 5m', 'a JWT, with COUNTERSIGN_MACHINE_SECRET_KEY set'],
    [
      `tokens create --machine worker --scope api --claims '{"job":7}'`,
      'for api alone, with claims',
    ],
  ],
  words: {},
  flags: {
    format: choiceFlag(
      ['opaque', 'jwt'],
      'opaque is revoked at once; jwt is verified without a call. Default: opaque.',
    ),
    ttl: durationFlag('How long it lives. Default: as its machine says.'),
    claims: objectFlag('What it says besides.'),
    scope: textsFlag(
      'MACHINE',
      'Narrow it to this receiver. Default: all that its machine may call.',
    ),
    reuse: durationFlag(
      'Take an equal opaque token that lives at least this long, if there is one.',
    ),
    ...MACHINE_FLAGS,
  },
  async run({ format, ttl, claims, scope, reuse, ...input }, shell) {
    const { client, owner } = await connectAsMachine(input, shell)
    const scopes = await Promise.all(scope.map((word) => machineId(owner, word)))
    const token = await client.m2m.createToken({
      ...(format !== undefined && { tokenFormat: format }),
      ...(ttl !== undefined && { secondsUntilExpiration: ttl }),
      ...(claims !== undefined && { claims }),
      ...(reuse !== undefined && { minRemainingTtlSeconds: reuse }),
      ...(scopes.length > 0 && { scopes }),
    })
    const reach =
      token.scopes.length === 0
        ? 'It reaches no machine: give its machine a scope with countersign scopes add.'
        : `It reaches ${token.scopes.length === 1 ? 'one machine' : `${token.scopes.length} machines`}.`
    return {
      data: token,
      lines: [token.token ?? ''],
      notes: [`${token.id} expires ${showTime(token.expiration, shell)}. ${reach}`],
    }
  },
})

const verify = defineCommand({
  about: 'Verifies a token as its receiver would.',
  details:
    'With the key of a machine, or --machine, the token must be meant for that machine; with the instance key any receiver will do. Exit code 1 for a token that is refused.',
  examples: [
    ['tokens verify --machine api mt_…', 'would api accept it?'],
    ['tokens create --machine worker | countersign tokens verify -', 'from a pipe'],
  ],
  words: { token: TOKEN_WORD },
  flags: VERIFY_FLAGS,
  async run(input, shell) {
    const text = await tokenText(input.token, shell)
    const { client, isMachine } = await connectAsMachine(input, shell)
    const token = await client.m2m.verify({ token: text })
    const verdict = isMachine ? 'valid, and meant for this machine' : 'valid'
    return describe(token, `${shell.style.green('✓')} ${verdict}`, shell)
  },
})

const list = defineCommand({
  about: 'Lists the tokens of a machine, newest first.',
  details: 'A JWT of a stateless machine leaves nothing to list.',
  examples: [
    ['tokens list worker', 'the live ones'],
    ['tokens list worker --revoked --expired --limit 100', 'all that are still known'],
  ],
  words: { machine: MACHINE },
  flags: {
    format: choiceFlag(['opaque', 'jwt', 'all'], 'Which. Default: all.'),
    revoked: onSwitch('Also those that were revoked.'),
    expired: onSwitch('Also those that have expired.'),
    limit: countFlag('N', 'How many, at most 100. Default: 10.'),
    offset: countFlag('N', 'How many to leave out first.'),
    ...REMOTE_FLAGS,
  },
  async run({ format, revoked, expired, limit, offset, ...input }, shell) {
    const client = await connectAsOwner(input, shell)
    const page = await client.m2m.list({
      subject: await machineId(client, input.machine),
      tokenFormat: format ?? 'all',
      revoked,
      expired,
      ...(limit !== undefined && { limit }),
      ...(offset !== undefined && { offset }),
    })
    const rows = page.data.map((token) => [
      token.id,
      stateOf(token),
      showTime(token.createdAt, shell),
      showTime(token.expiration, shell),
    ])
    return {
      data: page,
      lines: table(['id', 'state', 'created', 'expires'], rows, shell),
      notes: pageNote(page, offset ?? 0),
    }
  },
})

const inspectToken = defineCommand({
  about: 'Tells what a token is, without showing its secret.',
  details:
    'Everything but the last line is read from the token itself and proves nothing. With a key at hand, the last line is what the authority says.',
  examples: [
    ['tokens inspect eyJ…', 'the header and the payload of a JWT, and its times'],
    ['tokens inspect - < token.txt', 'from a file'],
  ],
  words: { token: TOKEN_WORD },
  flags: VERIFY_FLAGS,
  async run(input, shell) {
    const text = await tokenText(input.token, shell)
    const inspection = inspect(text)
    const verdict = inspection.verifiable ? await askAuthority(input, text, shell) : null
    return {
      data: { ...inspection, verdict },
      lines: [
        ...inspectionLines(inspection, shell),
        ...(inspection.verifiable ? verdictLines(verdict, shell) : []),
      ],
      exitCode: inspection.class === 'unknown' ? EXIT.failed : EXIT.ok,
    }
  },
})

export const tokens: Noun = {
  about: 'Machine tokens: what one machine shows to another.',
  commands: { create, verify, list, revoke, inspect: inspectToken, why } satisfies Record<
    string,
    Command
  >,
}

function describe(token: M2MToken, verdict: string, shell: Shell): Report {
  const rows: (readonly [string, string])[] = [
    ['id', safe(token.id)],
    ['of', safe(token.subject)],
    ['for', token.scopes.length === 0 ? 'no machine' : safe(token.scopes.join(' '))],
    ['expires', showTime(token.expiration, shell)],
    ...(token.claims === null ? [] : [['claims', safe(JSON.stringify(token.claims))] as const]),
  ]
  return { data: token, lines: [verdict, ...facts(rows, shell)] }
}

function stateOf(token: M2MToken): string {
  if (token.revoked) {
    return token.revocationReason === null ? 'revoked' : `revoked: ${safe(token.revocationReason)}`
  }
  return token.expired ? 'expired' : 'live'
}

interface Verdict {
  readonly valid: boolean
  readonly says: string
}

/** `null` when there is nobody to ask. */
async function askAuthority(
  input: Parameters<typeof connectAsMachine>[0],
  text: string,
  shell: Shell,
): Promise<Verdict | null> {
  try {
    const { client, isMachine } = await connectAsMachine(input, shell)
    await client.m2m.verify({ token: text })
    return { valid: true, says: isMachine ? 'valid, and meant for this machine' : 'valid' }
  } catch (error) {
    const { code, what, exitCode } = explain(error)
    if (code === 'key-missing' || exitCode === EXIT.unreachable) return null
    return { valid: false, says: what }
  }
}

function inspectionLines(inspection: Inspection, shell: Shell): string[] {
  const { green, red } = shell.style
  const times = Object.entries(inspection.times).map(
    ([name, epochMs]) =>
      [name, `${new Date(epochMs).toISOString()}  ${showTime(epochMs, shell)}`] as const,
  )
  const checksum = inspection.checksumRight ? green('right') : red('wrong')
  return [
    ...facts(
      [
        ['class', inspection.about],
        ['form', inspection.form],
        ...(inspection.checksumRight === null ? [] : [['checksum', checksum] as const]),
        ...Object.entries(inspection.ids).map(([name, id]) => [name, safe(id)] as const),
        ...times,
      ],
      shell,
    ),
    ...jsonLines('header', inspection.header, shell),
    ...jsonLines('payload', inspection.payload, shell),
    ...inspection.remarks.map((remark) => `${shell.style.yellow('!')} ${remark}`),
  ]
}

function jsonLines(title: string, value: unknown, shell: Shell): string[] {
  if (value === null) return []
  const lines = JSON.stringify(value, null, 2).split('\n').map(safe)
  return [shell.style.dim(title), ...lines.map((line) => `  ${line}`)]
}

function verdictLines(verdict: Verdict | null, shell: Shell): string[] {
  const { dim, green, red } = shell.style
  if (verdict === null)
    return [dim('The authority was not asked: no key at hand, or nobody there.')]
  return [`${verdict.valid ? green('✓') : red('✗')} the authority says: ${safe(verdict.says)}`]
}
