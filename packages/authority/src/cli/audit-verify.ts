import { createReadStream } from 'node:fs'
import { type AuditProofs, openAuditProofs } from '../app.ts'
import { type AuditPublicKey, createSignatureCheck, type IsSigned } from '../domain/audit-key.ts'
import {
  type AuditFindings,
  type AuditPlace,
  type AuditProblem,
  type AuditVerifier,
  createAuditVerifier,
} from '../domain/audit-verification.ts'
import type { Store } from '../domain/ports.ts'
import {
  type AuditHeader,
  type AuditItem,
  type AuditSource,
  readAuditLog,
  readHeader,
  readItem,
  toBytes,
  toText,
} from './audit-file.ts'
import { type Command, defineCommand, type Report, textFlag, textsFlag } from './shell/command.ts'
import { CommandError, EXIT } from './shell/failure.ts'
import { LOCAL_FLAGS, localConfig, localRootKeys, openDatabase } from './shell/local.ts'
import type { Shell } from './shell/shell.ts'

const PAGE = 500

const MAX_LINE = 1_048_576

export const auditVerify: Command = defineCommand({
  about: 'Tells whether the audit log is as it was written, and else where it is not.',
  details:
    'FILE is an export: its chain and the signature of every checkpoint are verified, with no authority and no secret. Without FILE the database of this machine is verified, with the root key, also that the authority itself wrote every entry. Entries that were cut off the end can be found only by a checkpoint that was kept elsewhere: give one with --checkpoint. Exit code 1 when anything is wrong.',
  examples: [
    ['audit verify', 'the database, while the authority runs or not'],
    ['audit verify --checkpoint audit.ndjson', 'and that it still has what was exported'],
    ['audit verify audit.ndjson --key 11qYAYK…', 'an export, with a key that was noted before'],
  ],
  words: { 'file?': 'An export; without it, the database.' },
  flags: {
    key: textsFlag('KEY', 'A public audit key that is believed; without it, those in the export.'),
    checkpoint: textFlag(
      'FILE|SEQ:HASH',
      'A checkpoint that the log must still have: the newest of an earlier export, or itself.',
    ),
    ...LOCAL_FLAGS,
  },
  async run(input, shell) {
    if (input.file !== undefined) {
      return report(await verifyFile(input.file, input.key, input.checkpoint), shell)
    }
    if (input.key.length > 0) throw new CommandError('usage', '--key goes with FILE.')
    const config = localConfig(input, shell)
    const rootKeys = localRootKeys(config)
    const store = await openDatabase(config)
    try {
      const settings = { issuer: config.issuer ?? 'http://localhost', rootKeys }
      const proofs = await openAuditProofs(settings, { store })
      return report(await verifyStore(store, proofs, input.checkpoint), shell)
    } finally {
      await store.close()
    }
  },
})

interface Verdict extends Omit<AuditFindings, 'problems'> {
  readonly instanceId: string
  readonly problems: readonly (Omit<AuditProblem, 'seq' | 'problem'> & {
    readonly seq: number | null
    readonly problem: AuditProblem['problem'] | 'unreadable'
  })[]
  readonly kept: AuditPlace | null
  readonly newest: AuditPlace | null
  /** Of an export that was verified with the keys in it. */
  readonly keysAreItsOwn: boolean
}

async function verifyStore(
  store: Store,
  { instanceId, keys, isOwn }: AuditProofs,
  word: string | undefined,
): Promise<Verdict> {
  const kept = word === undefined ? null : await keptCheckpoint(word, keys.isSigned)
  const verifier = createAuditVerifier({ isSigned: keys.isSigned, isOwn, kept })
  let newest: AuditPlace | null = null
  for await (const items of readAuditLog(sourceOf(store))) {
    for (const item of items) {
      take(verifier, item)
      if (item.type === 'checkpoint') newest = item.record
    }
  }
  return { instanceId, ...verifier.end(), kept, newest, keysAreItsOwn: false }
}

async function verifyFile(
  file: string,
  pinned: readonly string[],
  word: string | undefined,
): Promise<Verdict> {
  const header = await headerOf(file)
  const isSigned = signatureCheck(header, pinned)
  const kept = word === undefined ? null : await keptCheckpoint(word, isSigned)
  const verifier = createAuditVerifier({ isSigned, isOwn: null, kept })
  const unreadable: number[] = []
  let newest: AuditPlace | null = null
  let number = 0
  for await (const lines of linesOf(file)) {
    for (const line of lines) {
      number++
      if (number === 1) continue
      const item = readItem(line)
      if (item === null) unreadable.push(number)
      else take(verifier, item)
      if (item?.type === 'checkpoint') newest = item.record
    }
  }
  const findings = verifier.end()
  const problems = unreadable.slice(0, 100).map((one) => ({
    seq: null,
    problem: 'unreadable' as const,
    message: `line ${one} of the file was altered: it is no line of an export`,
  }))
  return {
    instanceId: header.instanceId,
    ...findings,
    problems: [...problems, ...findings.problems],
    problemCount: unreadable.length + findings.problemCount,
    kept,
    newest,
    keysAreItsOwn: pinned.length === 0,
  }
}

function take(verifier: AuditVerifier, item: AuditItem): void {
  if (item.type === 'entry') verifier.entry(item.record)
  else verifier.checkpoint(item.record)
}

function sourceOf(store: Store): AuditSource {
  const pageOf = <Item extends { readonly seq: number }>(items: readonly Item[]) => ({
    items,
    next: items.length < PAGE ? null : (items.at(-1)?.seq ?? null),
  })
  return {
    entries: async (after) => pageOf(await store.auditLog(after, PAGE)),
    checkpoints: async (after) => pageOf(await store.auditCheckpoints(after, PAGE)),
  }
}

/** Of a file, the newest checkpoint that is signed. @throws {CommandError} `usage` */
async function keptCheckpoint(word: string, isSigned: IsSigned): Promise<AuditPlace> {
  const [, seq, hash = ''] = /^(\d{1,15}):([\w-]{43})$/.exec(word) ?? []
  if (seq !== undefined) return { seq: Number(seq), hash: toBytes(hash) }
  let newest: AuditPlace | null = null
  for await (const lines of linesOf(word)) {
    for (const line of lines.filter((one) => one.startsWith('{"type":"checkpoint"'))) {
      const item = readItem(line)
      if (item?.type !== 'checkpoint' || !isSigned(item.record)) continue
      if (newest === null || item.record.seq > newest.seq) newest = item.record
    }
  }
  if (newest !== null) return newest
  throw new CommandError('usage', `${word} has no checkpoint that this audit key signed.`)
}

function signatureCheck({ instanceId, keys }: AuditHeader, pinned: readonly string[]): IsSigned {
  const believed = (key: AuditPublicKey): boolean =>
    pinned.length === 0 || pinned.includes(key.publicKey)
  try {
    return createSignatureCheck(instanceId, keys.filter(believed))
  } catch (error) {
    throw new CommandError('usage', 'The first line of the export has a key that is none.', {
      cause: error,
    })
  }
}

async function headerOf(file: string): Promise<AuditHeader> {
  for await (const [first] of linesOf(file)) {
    const header = first === undefined ? null : readHeader(first)
    if (header !== null) return header
    break
  }
  throw new CommandError('usage', `${file} is no export of an audit log.`)
}

/** Some at a time. @throws {CommandError} `usage` when the file cannot be read. */
async function* linesOf(file: string): AsyncGenerator<readonly string[], undefined> {
  let rest = ''
  try {
    const chunks = createReadStream(file, { encoding: 'utf8', highWaterMark: 262_144 })
    for await (const chunk of chunks as AsyncIterable<string>) {
      // Not at U+2028, which may stand in a reason.
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      // No line of an export: what it starts with is enough to say so.
      if (rest.length > MAX_LINE) rest = rest.slice(0, 1)
      if (lines.length > 0) yield lines
    }
  } catch (error) {
    throw new CommandError('usage', `${file} cannot be read.`, { cause: error })
  }
  if (rest !== '') yield [rest]
}

function report(verdict: Verdict, shell: Shell): Report {
  const { problems, problemCount, kept, newest, last } = verdict
  const { green, red, yellow, dim } = shell.style
  const ok = problemCount === 0
  const data = {
    ok,
    instanceId: verdict.instanceId,
    entries: verdict.entryCount,
    checkpoints: verdict.checkpointCount,
    prunedThrough: verdict.prunedThrough,
    coveredThrough: verdict.coveredThrough,
    lastSeq: last.seq,
    newestCheckpoint: newest === null ? null : placeText(newest),
    problemCount,
    problems,
  }
  const more = problemCount - problems.length
  const isOlder = kept !== null && !verdict.keptIsChecked
  const uncovered = last.seq - verdict.coveredThrough
  const lines = ok
    ? [
        `${green('✓')} ${verdict.entryCount} entries, up to ${last.seq}, are as they were written; ${verdict.checkpointCount} checkpoints are signed.`,
        ...(newest === null ? [] : [dim(`The newest checkpoint is ${placeText(newest)}`)]),
      ]
    : [
        ...problems.map(({ message }) => `${red('✗')} ${message}`),
        ...(more > 0 ? [`${red('✗')} and ${more} more`] : []),
      ]
  const notes = [
    verdict.prunedThrough > 0 && `Entries up to ${verdict.prunedThrough} were pruned.`,
    uncovered > 0 && `The last ${uncovered} entries are under no checkpoint yet.`,
    isOlder && 'The checkpoint that was given is older than the log: it proves nothing any more.',
    kept === null && 'Whether the end was cut off, only a kept --checkpoint can tell.',
    verdict.keysAreItsOwn && 'The audit key is the one in the export itself: pin it with --key.',
  ].filter((note) => note !== false)
  return {
    data,
    lines,
    notes: notes.map((note) => `${yellow('!')} ${note}`),
    exitCode: ok ? EXIT.ok : EXIT.failed,
  }
}

function placeText({ seq, hash }: AuditPlace): string {
  return `${seq}:${toText(hash)}`
}
